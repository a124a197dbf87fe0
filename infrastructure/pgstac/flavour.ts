import type pg from 'pg';
import { CoreMachineError } from '../../core/errors.ts';
import { mapDatabaseError } from '../postgres/errors.ts';
import { query } from '../postgres/sql-files.ts';

const find = query('catalogue_find');

export type CatalogueKind = 'pgstac' | 'small';

export interface InstalledCatalogues {
  readonly pgstac: boolean;
  /** Which files made the small schema; null without one. */
  readonly small: string | null;
}

export async function installedCatalogues(database: pg.Pool | pg.PoolClient): Promise<InstalledCatalogues> {
  try {
    const { rows } = await database.query<InstalledCatalogues>(find);
    return rows[0] ?? { pgstac: false, small: null };
  } catch (error) {
    throw mapDatabaseError(error);
  }
}

/** Throws CATALOGUE_VERSION: the statements here know pgSTAC 0.9; its next generation has other tables. */
export function checkPgstacVersion(version: string | null): string {
  if (version !== null && /^0\.9\.\d+/.test(version)) return version;
  throw new CoreMachineError(
    'CATALOGUE_VERSION',
    `pgSTAC ${version ?? 'without a version'} is installed; 0.9 is needed`,
  );
}
