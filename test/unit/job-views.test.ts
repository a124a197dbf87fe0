import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JobRecord, StageRecord } from '../../core/ports/state-store.ts';
import { jobStatus } from '../../src/http/job-views.ts';

const time = (second: number) => new Date(Date.UTC(2030, 0, 1, 0, 0, second));

const job: JobRecord = {
  jobId: 'a'.repeat(64),
  jobType: 'sum_job',
  status: 'processing',
  run: 1,
  stage: 2,
  totalStages: 4,
  parameters: { n: 1 },
  metadata: {},
  result: null,
  error: null,
  correlationId: 'c',
  createdAt: time(0),
  startedAt: time(1),
  completedAt: null,
  updatedAt: time(5),
};

function stage(number: number, counts: Partial<StageRecord['counts']>, more: Partial<StageRecord> = {}): StageRecord {
  return {
    number,
    name: `stage${number}`,
    handler: 'h',
    parallelism: 'single',
    policy: 'fail',
    published: 0,
    runningProgress: null,
    startedAt: time(1),
    completedAt: null,
    counts: { total: 0, queued: 0, processing: 0, completed: 0, failed: 0, cancelled: 0, ...counts },
    ...more,
  };
}

const first = stage(1, { total: 2, completed: 2 }, { completedAt: time(3) });

test('progress: stages count alike, tasks within a stage too, running ones by what they report', () => {
  const progress = (second: StageRecord) => jobStatus(job, [first, second], null).progress;
  assert.equal(progress(stage(2, { total: 4, queued: 4 })), 0.25);
  assert.equal(progress(stage(2, { total: 4, completed: 2, queued: 2 })), 0.375);
  assert.equal(progress(stage(2, { total: 4, completed: 2, processing: 2 }, { runningProgress: 0.5 })), 0.4375);
  assert.equal(jobStatus({ ...job, status: 'completed' }, [first], null).progress, 1);
  assert.equal(jobStatus({ ...job, stage: 1 }, [], null).progress, 0);
});

test('history tells how each stage ended, with real durations', () => {
  const failed = stage(2, { total: 3, completed: 1, failed: 1, cancelled: 1 }, { completedAt: time(7) });
  const history = jobStatus({ ...job, status: 'failed' }, [first, failed], null).stage_history;
  assert.deepEqual(history, [
    {
      stage_n: 1,
      stage: 'stage1',
      task_count: 2,
      status: 'completed',
      completed_at: time(3).toISOString(),
      duration_seconds: 2,
    },
    {
      stage_n: 2,
      stage: 'stage2',
      task_count: 3,
      status: 'failed',
      completed_at: time(7).toISOString(),
      duration_seconds: 6,
    },
  ]);
});

test('a running job has no end, and its duration grows', () => {
  const view = jobStatus({ ...job, startedAt: new Date(Date.now() - 3000) }, [first], null);
  assert.equal(view.completed_at, null);
  assert.ok(Number(view.duration_seconds) >= 3);
  assert.ok(!('result_data' in view) && !('error' in view));
});
