import pg from 'pg';
import { z } from 'zod';
import { defineFanInHandler, defineHandler } from '../../core/handler.ts';
import { defineJob } from '../../core/job.ts';
import { CoreMachine } from '../../core/machine/core-machine.ts';
import { taskMessage } from '../../core/messages.ts';
import type { MessageQueue } from '../../core/ports/message-queue.ts';
import { memoryEngine } from '../../core/testing/run-job.ts';
import { openPostgres } from '../../infrastructure/postgres/postgres.ts';

/**
 * Runs a job to its end; arguments: the database, how many tasks it has, and how many times 32 characters the result of
 * each has. Prints the job's result.
 */
const [url = '', count = '', repeats = ''] = process.argv.slice(2);
const tasks = Number(count);
const output = z.object({ value: z.number(), text: z.string() });

const work = defineHandler('work', {
  description: 'never called: its results are written by a statement',
  input: z.object({ value: z.number() }),
  output,
  run: async () => Promise.reject(new Error('not expected')),
});
const add = defineFanInHandler('add', {
  description: 'adds up all results of the stage before',
  input: z.object({}),
  previous: output,
  output: z.object({ sum: z.number(), characters: z.number(), inOrder: z.boolean() }),
  async run(_input, previous) {
    const total = { sum: 0, characters: 0, inOrder: true };
    let expected = 0;
    for await (const { number, output } of previous) {
      total.sum += output.value;
      total.characters += output.text.length;
      total.inOrder &&= number === expected++;
    }
    return total;
  },
});
const wide = defineJob('wide', { description: 'for tests', parameters: z.object({ tasks: z.number() }) })
  .stage('work', work, function* () {
    for (let value = 0; value < tasks; value += 1) yield { key: `n${value}`, input: { value } };
  })
  .fanIn('add', add, () => ({}))
  .finalize(({ results }) => results.add.only());

/** Messages are delivered by hand below. */
const nowhere: MessageQueue = {
  ...memoryEngine([]).queue,
  sendJobMessages: async () => {},
  sendTaskMessages: async () => {},
};

const postgres = await openPostgres({ url });
const client = new pg.Client({ connectionString: url });
await client.connect();
const machine = new CoreMachine({ ...memoryEngine([wide]), store: postgres.store, queue: nowhere });
const { job } = await machine.submit({ jobType: 'wide', body: { tasks }, force: false, correlationId: 'limits' });
const stage = (number: number) => ({ jobId: job.jobId, run: 1, stage: number });
const jobMessage = (number: number) => ({ job_id: job.jobId, run: 1, stage: number, correlation_id: 'limits' });

await machine.handleJobMessage(jobMessage(1));
await client.query(
  `UPDATE app.tasks SET status = 'completed', attempt = 1, finished_at = now(),
     result = json_build_object('value', task, 'text', repeat(md5(task::text), $2))
   WHERE job = (SELECT id FROM app.jobs WHERE job_id = $1)`,
  [job.jobId, Number(repeats)],
);
// Any message of an ended task makes the engine look whether the stage is done.
await machine.handleTaskMessage(taskMessage({ ...stage(1), task: 0 }, 'limits', { attempt: 1, repeat: '' }).body);
await machine.handleJobMessage(jobMessage(2));
await machine.handleTaskMessage(taskMessage({ ...stage(2), task: 0 }, 'limits', { attempt: 1, repeat: '' }).body);
const ended = await postgres.store.getJob(job.jobId);
console.log(JSON.stringify({ status: ended?.status, error: ended?.error, result: ended?.result }));
await client.end();
await postgres.close();
