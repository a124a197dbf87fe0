import { setTimeout as wait } from 'node:timers/promises';
import { inTurns } from '../engine/turns.ts';
import { serveWorker, type Worker, type WorkerOptions } from '../engine/worker-protocol.ts';
import { concurrency, jobLabels, payload, type Workload } from '../engine/workloads.ts';
import { peerPackage } from './load.ts';

interface Closable {
  close(): Promise<void>;
}
interface Job {
  readonly data: { readonly label: string; readonly n: number; readonly taskMs: number; readonly text: string };
  getChildrenValues(): Promise<Record<string, unknown>>;
}
interface Redis {
  incr(key: string): Promise<number>;
  quit(): Promise<unknown>;
}
interface BullMq {
  readonly Queue: new (
    name: string,
    options: object,
  ) => Closable & { add(name: string, data: object): Promise<unknown> };
  readonly Worker: new (name: string, run: (job: Job) => Promise<unknown>, options: object) => Closable;
  readonly FlowProducer: new (options: object) => Closable & { add(flow: object): Promise<unknown> };
}

/** Fan-out and fan-in are a flow: the parent runs when all children have; results are what the jobs return. */
async function open({ redisPort }: WorkerOptions): Promise<Worker> {
  const { Queue, Worker: QueueWorker, FlowProducer } = peerPackage<BullMq>('bullmq');
  const { Redis } = peerPackage<{ Redis: new (port: number, host: string, options: object) => Redis }>('ioredis');
  const port = Number(redisPort);
  // maxRetriesPerRequest null, as its workers ask for.
  const connection = { host: '127.0.0.1', port, maxRetriesPerRequest: null };
  const redis = new Redis(port, '127.0.0.1', {});
  const root = new Queue('root', { connection });
  const one = new Queue('one', { connection });
  const flows = new FlowProducer({ connection });
  const done = (label: string) => redis.incr(`bench:done:${label.replace(/#\d+$/, '')}`);
  const workers = [
    new QueueWorker('root', ({ data }) => flows.add(fan(data)).then(() => ({})), { connection, concurrency }),
    new QueueWorker(
      'item',
      async ({ data: { taskMs, text } }) => {
        if (taskMs > 0) await wait(taskMs);
        return { text };
      },
      { connection, concurrency },
    ),
    new QueueWorker(
      'gather',
      async (job) => {
        const read = Object.keys(await job.getChildrenValues()).length;
        await done(job.data.label);
        return { read };
      },
      { connection, concurrency },
    ),
    new QueueWorker(
      'one',
      async ({ data: { label, text } }) => {
        await done(label);
        return { text };
      },
      { connection, concurrency },
    ),
  ];
  const submit = async (workload: Workload): Promise<void> => {
    if (workload.kind === 'one') {
      await one.add('one', { label: workload.label, text: payload });
      return;
    }
    const { n } = workload;
    const taskMs = workload.kind === 'fan' ? workload.taskMs : 0;
    const labels = jobLabels(workload);
    await inTurns(labels.length, concurrency, (number) => root.add('root', { label: labels[number], n, taskMs }));
  };
  return {
    submit,
    async close() {
      await Promise.all([...workers, root, one, flows].map((part) => part.close()));
      await redis.quit();
    },
  };
}

function fan({ label, n, taskMs }: Job['data']): object {
  return {
    name: 'gather',
    queueName: 'gather',
    data: { label },
    children: Array.from({ length: n }, (_, number) => ({
      name: 'item',
      queueName: 'item',
      data: { number, taskMs, text: payload },
    })),
  };
}

await serveWorker(open);
