import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { defineFanInHandler, defineHandler } from '../../../../core/handler.ts';
import { defineJob } from '../../../../core/job.ts';
import { payload } from './workloads.ts';

const item = z.object({ number: z.int(), text: z.string(), task_ms: z.int() });
const itemResult = z.object({ number: z.int(), text: z.string() });

const root = defineHandler('bench_root', {
  description: 'Does nothing.',
  input: z.object({}),
  output: z.object({ ok: z.boolean() }),
  run: async () => ({ ok: true }),
});

const work = defineHandler('bench_item', {
  description: 'Reads its input of 200 bytes, takes the time it is told, answers 200 bytes.',
  input: item,
  output: itemResult,
  async run({ number, text, task_ms }) {
    if (task_ms > 0) await wait(task_ms);
    return { number, text };
  },
});

const gather = defineFanInHandler('bench_gather', {
  description: 'Reads all results.',
  input: z.object({}),
  previous: itemResult,
  output: z.object({ read: z.int(), bytes: z.int() }),
  async run(_input, previous) {
    let read = 0;
    let bytes = 0;
    for await (const { output } of previous) {
      read += 1;
      bytes += output.text.length;
    }
    return { read, bytes };
  },
});

/** 1 task, n tasks, 1 task that reads their results. `label` makes each job another one. */
export const benchFan = defineJob('bench_fan', {
  description: 'Workload of ./run bench engine.',
  parameters: z.object({ label: z.string(), n: z.int().min(1), task_ms: z.int().min(0).default(0) }),
})
  .stage('root', root, () => [{ key: 'root', input: {} }])
  .fanOut('items', work, ({ params: { n, task_ms } }) =>
    Array.from({ length: n }, (_, number) => ({ key: `item-${number}`, input: { number, text: payload, task_ms } })),
  )
  .fanIn('gather', gather, () => ({}))
  .finalize(async ({ results }) => ({ read: (await results.gather.only()).read }));

/** One task. */
export const benchOne = defineJob('bench_one', {
  description: 'Workload of ./run bench engine.',
  parameters: z.object({ label: z.string() }),
})
  .stage('item', work, () => [{ key: 'item', input: { number: 0, text: payload, task_ms: 0 } }])
  .finalize(() => ({}));
