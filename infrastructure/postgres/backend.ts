import { CoreMachineError } from '../../core/errors.ts';
import type { Database } from './database.ts';

/** What differs between the servers that answer to `pg`; whoever minds asks here. */
export interface Backend {
  readonly kind: 'postgresql' | 'pglite';
  /** e.g. `15.18`. */
  readonly version: string;
  /** False: COPY FROM STDIN would break the connection; insert arrays with unnest instead. */
  readonly copyFromStdin: boolean;
  /** False: all connections share one session, so SET without LOCAL is everybody's, and one transaction runs at a time. */
  readonly ownSession: boolean;
}

const oldestVersion = 14;

/** Asks the server what it is. Throws CONFIGURATION_INVALID for one older than PostgreSQL 14. */
export async function detectBackend(database: Database): Promise<Backend> {
  const [row] = await database.query<{ readonly text: string; readonly version: string }>(
    "SELECT version() AS text, current_setting('server_version') AS version",
  );
  const version = row?.version.split(' ')[0] ?? '';
  if (!(Number.parseInt(version, 10) >= oldestVersion)) {
    throw new CoreMachineError(
      'CONFIGURATION_INVALID',
      `the database is PostgreSQL ${version}; ${oldestVersion} or newer is needed`,
    );
  }
  // PGlite is PostgreSQL in every other respect: only its version string tells.
  const isPglite = row?.text.includes('PGlite') ?? false;
  return { kind: isPglite ? 'pglite' : 'postgresql', version, copyFromStdin: !isPglite, ownSession: !isPglite };
}
