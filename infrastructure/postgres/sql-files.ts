import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * The folder `sql/` of the package. Found upwards from this file, because the compiled file lies one level deeper
 * (dist/infrastructure/postgres) than the source.
 */
export const sqlFolder = join(packageRoot(import.meta.dirname), 'sql');

/**
 * The statement in sql/queries/`name`.sql. Meant for module scope: every statement is read once, and a missing file
 * stops the start. The header stays behind, the name goes along, so that pg_stat_activity shows what is running.
 */
export function query(name: string): string {
  const text = readFileSync(join(sqlFolder, 'queries', `${name}.sql`), 'utf8');
  return `/* ${name} */ ${withoutHeader(text)}`;
}

/** The file's text after its leading comment lines. */
export function withoutHeader(text: string): string {
  return text.replace(/^(?:--[^\n]*\n|\s+)+/, '').trimEnd();
}

function packageRoot(folder: string): string {
  if (existsSync(join(folder, 'sql', 'migrations'))) return folder;
  const parent = dirname(folder);
  if (parent === folder) throw new Error(`there is no folder sql/migrations above ${import.meta.dirname}`);
  return packageRoot(parent);
}
