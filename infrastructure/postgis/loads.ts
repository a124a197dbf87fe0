import { CoreMachineError } from '../../core/errors.ts';
import type { FeatureColumn, FeatureTable, TableColumn, TableDescription } from '../../core/ports/feature-tables.ts';
import { query } from '../postgres/sql-files.ts';
import type { Run } from '../postgres/transaction.ts';

const describe = query('table_describe');

/** The schema of tables that are being loaded. */
export const loadSchema = 'geo_load';

export interface StoredLoad {
  readonly load_table: string;
  readonly columns: readonly FeatureColumn[];
}

export function loadEnded(): CoreMachineError {
  return new CoreMachineError('LOAD_ENDED', 'the load has ended, or was begun anew by another attempt');
}

export async function describeTable(run: Run, { schema, table }: FeatureTable): Promise<TableDescription | null> {
  const rows = await run<TableColumn & { made_by: string | null }>(describe, [schema, table]);
  const [first] = rows;
  if (!first) return null;
  const columns = rows.map(({ name, type, required, indexed }) => ({ name, type, required, indexed }));
  return { columns, geometry: geometryOf(columns), madeBy: first.made_by };
}

function geometryOf(columns: readonly FeatureColumn[]): TableDescription['geometry'] {
  const found = columns.find(({ type }) => /^(?:\w+\.)?geometry\b/.test(type));
  if (!found) return null;
  const [, type = 'Geometry', srid = '0'] = /\((\w+)(?:,(\d+))?\)/.exec(found.type) ?? [];
  return { column: found.name, type, srid: Number(srid) };
}
