import { setTimeout as wait } from 'node:timers/promises';
import { toCoreMachineError } from '../../core/errors.ts';
import type { InstantName } from '../../core/instants.ts';
import { CoreMachine } from '../../core/machine/core-machine.ts';
import { JobRegistry } from '../../core/registry.ts';
import { memoryEngine } from '../../core/testing/run-job.ts';
import { type UpkeepRun, upkeepRuns } from '../../core/upkeep/index.ts';
import { openBlobStore } from '../../infrastructure/blob/azure-blob-store.ts';
import { createLog } from '../../infrastructure/log/log.ts';
import { openPostgres } from '../../infrastructure/postgres/postgres.ts';
import { WorkerPresence } from '../../infrastructure/postgres/presence.ts';
import { openServiceBusQueue } from '../../infrastructure/service-bus/queue.ts';
import { openWorkspace } from '../../infrastructure/workspace/workspace.ts';
import { startFunctionsHost } from '../../src/local/functions-host/host.ts';
import { childOptions, childReady } from '../../src/local/stack/child.ts';
import { jobQueue, taskQueue } from '../../src/local/stack/queues.ts';
import { hurriedStore, mutated } from './hurried-store.ts';
import { chaosJobs } from './jobs.ts';
import { Ledger } from './ledger.ts';
import { faultyQueue, type MessageFaults } from './message-faults.ts';
import { leaseMs } from './plan.ts';
import type { Order, Report, WorkerOptions } from './protocol.ts';
import { randomFor } from './random.ts';
import { answerOf } from './requests.ts';

/** One worker: the engine with its real adapters behind the functions host, and the means to do it harm. */
const options = await childOptions<WorkerOptions>();
const upkeepMs = 350;
const retryOptions = { retryDelayInMs: 100, maxRetryDelayInMs: 300, timeoutInMs: 2000 };

let faults: MessageFaults | null = null;
const armed = new Map<InstantName, 'kill' | 'freeze'>();
let closing = false;

const log = createLog({ format: 'json' });
const postgres = await openPostgres({
  url: options.databaseUrl,
  applicationName: options.name,
  statementTimeoutMs: 2000,
  connectTimeoutMs: 2000,
  poolSize: 6,
  // As much shorter than the time in which a message must be marked as it is in production.
  marksWaitMs: 50,
});
const queue = openServiceBusQueue({
  connection: options.serviceBus,
  jobQueue,
  taskQueue,
  log,
  retryOptions,
  tryLimitMs: 1000,
});
// As in production, no two processes have the same name.
const worker = `${options.name}:${process.pid}`;
const ledger = new Ledger(postgres.database, worker);
const jobs = chaosJobs(ledger, options.partsContainer);
const workspace = await openWorkspace({ root: options.tempFolder, log });
const blobs = openBlobStore({ connection: options.storage });
const machine = new CoreMachine({
  ...memoryEngine(jobs, { services: { workspace, blobs }, log }),
  registry: new JobRegistry(jobs),
  store: mutated(hurriedStore(postgres.store), options.mutant, postgres.database),
  queue: faultyQueue(
    queue,
    () => faults,
    (fates) => tell({ kind: 'fates', fates }),
  ),
  worker,
  leaseMs,
  publishGraceMs: 400,
  instants: strike,
  onJobComplete: async ({ jobId, status, result }) => {
    const taken = await ledger.callback(jobId, status, result, randomFor(0, jobId).chance(0.3));
    if (!taken) throw new Error('the receiver refuses its first call');
  },
});
const presence = new WorkerPresence({ url: options.databaseUrl, applicationName: options.name }, worker);
await presence.start();
const host = await startFunctionsHost({
  hostJson: { version: '2.0', extensions: { serviceBus: { maxConcurrentCalls: 16 } } },
  settings: { SERVICE_BUS_CONNECTION: options.serviceBus },
  load: async () => (await import('./functions.ts')).registerFunctions(machine),
  port: 0,
  keys: null,
  serviceBusClientOptions: { retryOptions },
});

process.on('message', (order: Order) => void obey(order));
const upkeep = runUpkeep();
childReady({}, async () => {
  closing = true;
  await host.stop({ graceMs: 5000 });
  await upkeep;
  await presence.stop();
  await queue.close();
  await postgres.close();
});

async function obey(order: Order): Promise<void> {
  switch (order.kind) {
    case 'messages':
      faults = order.faults;
      armed.clear();
      return;
    case 'strike':
      armed.set(order.instant, order.how);
      return;
    case 'request':
      return tell({ kind: 'answer', id: order.id, answer: await answerOf(machine, order) });
  }
}

/** Dies or stops at an instant it was told of, as a machine would: without a word to anybody but the adversary. */
async function strike(name: InstantName): Promise<void> {
  const how = armed.get(name);
  if (!how) return;
  armed.delete(name);
  if (how === 'kill') process.kill(process.pid, 'SIGKILL');
  await new Promise<void>((resolve) => tell({ kind: 'freezing' }, resolve));
  // Does nothing until the adversary's SIGSTOP has come; one's own could come after its SIGCONT.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
}

/** All runs of the reconciler, again and again. */
async function runUpkeep(): Promise<void> {
  const runs = Object.keys(upkeepRuns) as UpkeepRun[];
  while (!closing) {
    await wait(upkeepMs + Math.random() * 100);
    for (const run of runs) {
      try {
        if (run === 'leases') await machine.buryWorkers(300);
        const { fixed, actions } = await machine.upkeep(run);
        if (fixed > 0) log.info('Upkeep:Run', { run, fixed, actions: actions.slice(0, 3).join('; ') });
      } catch (error) {
        const { code, message } = toCoreMachineError(error);
        log.error('Upkeep:Failed', { run, code, message });
      }
    }
  }
}

function tell(report: Report, then: () => void = () => {}): void {
  process.send?.(report, then);
}
