import { setTimeout as wait } from 'node:timers/promises';
import { inTurns } from '../engine/turns.ts';
import { serveWorker, type Worker, type WorkerOptions } from '../engine/worker-protocol.ts';
import { concurrency, jobLabels, payload, type Workload } from '../engine/workloads.ts';
import { peerPackage } from './load.ts';

interface Handle<Result> {
  getResult(): Promise<Result>;
}
type StartOptions = { readonly workflowID?: string; readonly queueName?: string };
interface Dbos {
  setConfig(config: object): void;
  launch(): Promise<void>;
  shutdown(): Promise<void>;
  registerQueue(name: string, options: object): Promise<unknown>;
  registerWorkflow<Args extends unknown[], Result>(
    run: (...args: Args) => Promise<Result>,
    options: { readonly name: string },
  ): (...args: Args) => Promise<Result>;
  startWorkflow<Args extends unknown[], Result>(
    run: (...args: Args) => Promise<Result>,
    options: StartOptions,
  ): (...args: Args) => Promise<Handle<Result>>;
  runStep<Result>(run: () => Promise<Result>, options: { readonly name: string }): Promise<Result>;
}

/** Each task a workflow on a queue, or each a step of one workflow; a workflow's and a step's results are kept. */
async function open(options: WorkerOptions): Promise<Worker> {
  const { DBOS } = peerPackage<{ DBOS: Dbos }>('@dbos-inc/dbos-sdk');
  DBOS.setConfig({
    name: 'bench',
    systemDatabaseUrl: options.databaseUrl,
    logLevel: 'warn',
    systemDatabasePoolSize: 20,
  });
  const work = async (text: string, taskMs: number) => {
    if (taskMs > 0) await wait(taskMs);
    return text;
  };
  const item = DBOS.registerWorkflow(
    (text: string, taskMs: number) => DBOS.runStep(() => work(text, taskMs), { name: 'work' }),
    { name: 'item' },
  );
  const bareItem = DBOS.registerWorkflow(work, { name: 'bareItem' });
  const asWorkflows = DBOS.registerWorkflow(
    async (n: number, taskMs: number) => {
      await DBOS.runStep(async () => true, { name: 'root' });
      const handles: Handle<string>[] = [];
      for (let number = 0; number < n; number += 1) {
        handles.push(await DBOS.startWorkflow(bareItem, { queueName: 'items' })(payload, taskMs));
      }
      let read = 0;
      for (const handle of handles) read += (await handle.getResult()).length;
      return DBOS.runStep(async () => read, { name: 'gather' });
    },
    { name: 'asWorkflows' },
  );
  const asSteps = DBOS.registerWorkflow(
    async (n: number, taskMs: number) => {
      await DBOS.runStep(async () => true, { name: 'root' });
      let read = 0;
      // Steps are numbered in the order of their start: this many at once, in waves, is the same on a replay.
      for (let from = 0; from < n; from += concurrency) {
        const wave = Array.from({ length: Math.min(concurrency, n - from) }, () =>
          DBOS.runStep(() => work(payload, taskMs), { name: 'item' }),
        );
        for (const text of await Promise.all(wave)) read += text.length;
      }
      return DBOS.runStep(async () => read, { name: 'gather' });
    },
    { name: 'asSteps' },
  );
  await DBOS.launch();
  await DBOS.registerQueue('items', { workerConcurrency: concurrency, minPollingIntervalMs: 100 });
  const fan = options.mode === 'steps' ? asSteps : asWorkflows;
  const submit = async (workload: Workload): Promise<void> => {
    if (workload.kind === 'one') {
      await DBOS.startWorkflow(item, { workflowID: workload.label })(payload, 0);
      return;
    }
    const { n } = workload;
    const taskMs = workload.kind === 'fan' ? workload.taskMs : 0;
    const labels = jobLabels(workload);
    await inTurns(labels.length, concurrency, (number) =>
      DBOS.startWorkflow(fan, { workflowID: String(labels[number]) })(n, taskMs),
    );
  };
  return { submit, close: () => DBOS.shutdown() };
}

await serveWorker(open);
