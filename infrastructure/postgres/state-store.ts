import type { StateStore } from '../../core/ports/state-store.ts';
import type { Database } from './database.ts';
import { upkeepStore } from './finders.ts';
import { jobStore } from './jobs.ts';
import type { LateMarks } from './late-marks.ts';
import { stageStore } from './stages.ts';
import { taskStore } from './tasks.ts';

/**
 * The state store on PostgreSQL (14 or newer) or PGlite. Every comparison is in a statement's WHERE, so any number of
 * processes may work on one database.
 */
export function postgresStateStore(database: Database, late: LateMarks): StateStore {
  return {
    ...jobStore(database, late),
    ...stageStore(database, late),
    ...taskStore(database),
    ...upkeepStore(database),
  };
}
