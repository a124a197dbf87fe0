import { jobLabels, type Workload } from './workloads.ts';

/** One way to run the workloads. */
export interface Contestant {
  readonly name: string;
  /** Snake case; names its database. */
  readonly id: string;
  /** The program of its worker process. */
  readonly entry: URL;
  /** Told to the worker. */
  readonly mode: string;
  readonly needs: 'service bus' | 'redis' | null;
  /** True when results or completions are put together by its user, in batches. */
  readonly batched: boolean;
  /** The npm packages whose versions the report shows. */
  readonly packages: readonly string[];
  /** A statement that counts the finished jobs of a workload, and its parameters. Null: asked of Redis. */
  readonly finished: Count | null;
  /** The same of the tasks in the middle of its fans. */
  readonly tasksDone: Count | null;
}

/** A statement that answers one number as `count`, and its parameters. */
export interface Count {
  readonly sql: string;
  values(workload: Workload): readonly unknown[];
}

const peer = (file: string) => new URL(`../peers/${file}`, import.meta.url);

export const coreMachine: Contestant = {
  name: 'CoreMachine',
  id: 'core_machine',
  entry: new URL('./core-machine-worker.ts', import.meta.url),
  mode: '',
  needs: 'service bus',
  batched: false,
  packages: [],
  finished: {
    sql: `SELECT count(*) AS count FROM app.jobs WHERE correlation_id = $1 AND status = 'completed'`,
    values: ({ label }) => [label],
  },
  tasksDone: {
    sql: `SELECT count(*) AS count FROM app.tasks t JOIN app.jobs j ON j.id = t.job
           WHERE j.correlation_id = $1 AND t.stage = 2 AND t.status = 'completed'`,
    values: ({ label }) => [label],
  },
};

const graphileWorker: Contestant = {
  name: 'graphile-worker, each job on its own',
  id: 'graphile_worker',
  entry: peer('graphile-worker.ts'),
  mode: 'each',
  needs: null,
  batched: false,
  packages: ['graphile-worker'],
  finished: {
    sql: 'SELECT count(*) AS count FROM fans WHERE label = ANY($1) AND finished',
    values: (workload) => [jobLabels(workload)],
  },
  tasksDone: {
    sql: 'SELECT count(*) AS count FROM results WHERE label = ANY($1)',
    values: (workload) => [jobLabels(workload)],
  },
};

const pgBoss: Contestant = {
  name: 'pg-boss, 8 workers with batches of 8',
  id: 'pg_boss',
  entry: peer('pg-boss.ts'),
  mode: 'each',
  needs: null,
  batched: false,
  packages: ['pg-boss'],
  finished: {
    sql: `SELECT count(*) AS count FROM pgboss.job
           WHERE name IN ('gather_once', 'one') AND state = 'completed' AND data->>'label' = ANY($1)`,
    values: (workload) => [jobLabels(workload)],
  },
  tasksDone: {
    sql: `SELECT count(*) AS count FROM pgboss.job
           WHERE name = 'item' AND state = 'completed' AND data->>'label' = ANY($1)`,
    values: (workload) => [jobLabels(workload)],
  },
};

const bullMq: Contestant = {
  name: 'BullMQ',
  id: 'bullmq',
  entry: peer('bullmq.ts'),
  mode: '',
  needs: 'redis',
  batched: false,
  packages: ['bullmq', 'ioredis'],
  finished: null,
  tasksDone: null,
};

const dbosWorkflows: Contestant = {
  name: 'DBOS, each task a workflow',
  id: 'dbos_workflows',
  entry: peer('dbos.ts'),
  mode: 'workflows',
  needs: null,
  batched: false,
  packages: ['@dbos-inc/dbos-sdk'],
  finished: {
    sql: `SELECT count(*) AS count FROM dbos.workflow_status WHERE workflow_uuid = ANY($1) AND status = 'SUCCESS'`,
    values: (workload) => [jobLabels(workload)],
  },
  tasksDone: {
    // A child's id is its parent's with the number of its start.
    sql: `SELECT count(*) AS count FROM dbos.workflow_status
           WHERE name = 'bareItem' AND status = 'SUCCESS' AND workflow_uuid LIKE $1 || '-%'`,
    values: ({ label }) => [label],
  },
};

export const contestants: readonly Contestant[] = [
  coreMachine,
  graphileWorker,
  {
    ...graphileWorker,
    name: 'graphile-worker, completions sent together',
    id: 'graphile_worker_together',
    mode: 'together',
    batched: true,
  },
  {
    ...graphileWorker,
    name: 'graphile-worker, results stored together as well',
    id: 'graphile_worker_batch',
    mode: 'batch',
    batched: true,
  },
  pgBoss,
  { ...pgBoss, name: 'pg-boss, 2 workers with batches of 500', id: 'pg_boss_batch', mode: 'batch', batched: true },
  bullMq,
  dbosWorkflows,
  {
    ...dbosWorkflows,
    name: 'DBOS, each task a step',
    id: 'dbos_steps',
    mode: 'steps',
    tasksDone: {
      sql: `SELECT count(*) AS count FROM dbos.operation_outputs WHERE function_name = 'item' AND workflow_uuid = $1`,
      values: ({ label }) => [label],
    },
  },
];
