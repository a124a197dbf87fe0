import assert from 'node:assert/strict';
import { test } from 'node:test';
import { taskIdOf } from '../../core/ids.ts';
import type { JobDefinition } from '../../core/job.ts';
import type { JsonObject } from '../../core/json.ts';
import { type FinishedJob, runJob } from '../../core/testing/run-job.ts';
import { helloWorld } from '../../jobs/hello-world.ts';
import { helloWorldSequential } from '../../jobs/hello-world-sequential.ts';
import { jobTypes } from '../../jobs/index.ts';

const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

async function outputsOf({ job, store }: FinishedJob, stage: number): Promise<JsonObject[]> {
  const page = await store.resultPage({ jobId: job.jobId, run: job.run, stage }, -1, 100);
  return page.map(({ output }) => output as JsonObject);
}

async function completed(definition: JobDefinition, parameters: JsonObject) {
  const finished = await runJob(definition, parameters);
  assert.equal(finished.job.status, 'completed', JSON.stringify(finished.job.error));
  const result = finished.job.result as JsonObject;
  assert.deepEqual(Object.keys(result).slice(0, 1), ['job_type']);
  assert.deepEqual(Object.keys(result).slice(-3), ['stages_completed', 'total_tasks_executed', 'tasks_by_status']);
  return { ...finished, result };
}

test('hello_world: each reply answers its own greeting, and the message comes back', async () => {
  const finished = await completed(helloWorld, { n: 12, message: 'Grüße' });
  assert.deepEqual(finished.result, {
    job_type: 'hello_world',
    status: 'completed',
    message_echoed: 'Grüße',
    stages_completed: 2,
    total_tasks_executed: 24,
    tasks_by_status: { completed: 24, failed: 0 },
  });
  const greetings = await outputsOf(finished, 1);
  for (const [index, { timestamp, ...greeting }] of greetings.entries()) {
    assert.deepEqual(greeting, { greeting: `Grüße from task ${index}`, task_index: index });
    assert.match(String(timestamp), time);
  }
  const replies = greetings.map(({ greeting, task_index }) => ({
    reply: `Hello back from task ${task_index}`,
    task_index,
    replies_to: greeting,
  }));
  assert.deepEqual(await outputsOf(finished, 2), replies);
  assert.equal(replies.length, 12);
});

test('hello_world: what is not given', async () => {
  const { result, job } = await completed(helloWorld, {});
  assert.deepEqual(job.parameters, { n: 3, message: 'Hello World', failure_rate: 0 });
  assert.deepEqual([result.message_echoed, result.total_tasks_executed], ['Hello World', 6]);
});

test('hello_world: a greeting that always fails is tried four times; failure_rate makes no other job', async () => {
  const { job, store } = await runJob(helloWorld, { n: 1, failure_rate: 1 });
  assert.deepEqual([job.status, job.error?.code], ['failed', 'SIMULATED_FAILURE']);
  const [task] = await store.listTasks(job.jobId, job.run, { limit: 1 });
  assert.equal(task?.attempt, 4);
  assert.equal((await runJob(helloWorld, { n: 1 })).job.jobId, job.jobId);
  assert.notEqual((await runJob(helloWorld, { n: 2 })).job.jobId, job.jobId);
});

test('hello_world_sequential: hellos, their validation, and a response to each by its id', async () => {
  const n = 11;
  const before = Date.now();
  const finished = await completed(helloWorldSequential, { n, message: 'Chain' });
  const { jobId } = finished.job;
  const numbers = Array.from({ length: n }, (_, index) => index + 1);
  const hellos = numbers.map((number) => {
    const task_id = taskIdOf(jobId, 1, `hello-${number}`);
    return { hello_number: number, message: `Task ${task_id} says: Chain - Initial Hello ${number}`, task_id };
  });
  const said = (await outputsOf(finished, 1)).map(({ processing_time_seconds: seconds, ...hello }) => {
    assert.ok(typeof seconds === 'number' && seconds >= 0);
    return hello;
  });
  assert.deepEqual(said, hellos);

  const partners = hellos.map(({ hello_number, message, task_id }) => ({
    responds_to_task_id: task_id,
    original_hello_number: hello_number,
    original_message: message,
  }));
  assert.deepEqual(await outputsOf(finished, 2), [
    {
      validation_summary: {
        stage1_tasks_total: n,
        stage1_tasks_successful: n,
        stage1_tasks_failed: 0,
        ready_for_stage3: true,
      },
      stage3_task_mapping: Object.fromEntries(partners.map((one) => [String(one.original_hello_number), one])),
    },
  ]);

  const responses = partners.map(({ responds_to_task_id, original_hello_number, original_message }) => {
    const current_task_id = taskIdOf(jobId, 3, `response-${original_hello_number}`);
    const response_message = `Task ${current_task_id} saying hello to ${responds_to_task_id}`;
    return {
      response_number: original_hello_number,
      current_task_id,
      responds_to_task_id,
      response_message,
      original_hello_number,
      conversation: { stage1_said: original_message, stage3_responds: response_message },
    };
  });
  assert.deepEqual(await outputsOf(finished, 3), responses);

  const { stage_history, ...result } = finished.result;
  assert.deepEqual(result, {
    job_type: 'hello_world_sequential',
    sequential_hello_statistics: {
      total_stages_completed: 3,
      stage1_hellos_requested: n,
      stage1_hellos_successful: n,
      stage2_validation_passed: true,
      stage3_responses_generated: n,
      overall_success_rate: '100%',
    },
    stage_conversations: responses.map(({ conversation, current_task_id, responds_to_task_id }) => ({
      stage1_task_id: responds_to_task_id,
      stage1_message: conversation.stage1_said,
      stage3_task_id: current_task_id,
      stage3_response: conversation.stage3_responds,
    })),
    stages_completed: 3,
    total_tasks_executed: 2 * n + 1,
    tasks_by_status: { completed: 2 * n + 1, failed: 0 },
  });
  assertHistory(stage_history as JsonObject[], [n, 1, n], before);
});

/** Stages one after another, at real times. */
function assertHistory(history: readonly JsonObject[], counts: readonly number[], from: number): void {
  const names = ['initial_hello', 'validation', 'response'];
  let earliest = from;
  for (const [index, { completed_at, duration_seconds, ...entry }] of history.entries()) {
    const expected = { stage_n: index + 1, stage: names[index], task_count: counts[index], status: 'completed' };
    assert.deepEqual(entry, expected);
    assert.match(String(completed_at), time);
    const end = Date.parse(String(completed_at));
    assert.ok(end >= earliest, `${completed_at}`);
    const seconds = Number(duration_seconds);
    assert.ok(seconds >= 0 && seconds * 1000 <= end - from + 1, `${seconds} s`);
    earliest = end;
  }
  assert.equal(history.length, counts.length);
}

test('aliases of older clients', () => {
  const aliases = jobTypes.flatMap(({ name, aliases: others }) => others.map((alias) => [alias, name]));
  assert.deepEqual(Object.fromEntries(aliases), {
    process_vector: 'ingest_vector',
    tile_raster: 'process_large_raster',
    list_container: 'list_container_contents',
    sync_container: 'stac_catalog_container',
    catalog_file: 'stac_catalog_raster',
  });
  assert.equal(aliases.length, 5);
});
