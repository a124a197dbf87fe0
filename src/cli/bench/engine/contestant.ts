import type { WorkerOptions } from './worker-protocol.ts';

/** How far a workload is: no job of it is under way any more, or one failed. */
export interface Standing {
  readonly done: boolean;
  readonly failed: boolean;
}

/** One way to run the workloads. */
export interface Contestant {
  readonly name: string;
  /** Snake case; names its database and files. */
  readonly id: string;
  readonly entry: URL;
  readonly mode: string;
  readonly needs: 'service bus' | 'redis' | null;
  /** With parameter $1, the label: one row `{done, failed}`. Null: asked of Redis. */
  readonly standingSql: string | null;
}

export type { WorkerOptions };

export const coreMachine: Contestant = {
  name: 'CoreMachine',
  id: 'core_machine',
  entry: new URL('./core-machine-worker.ts', import.meta.url),
  mode: '',
  needs: 'service bus',
  standingSql: `SELECT NOT EXISTS (SELECT 1 FROM app.jobs WHERE correlation_id = $1
                                   AND status IN ('queued', 'processing')) AS done,
                       EXISTS (SELECT 1 FROM app.jobs WHERE correlation_id = $1 AND status = 'failed') AS failed`,
};
