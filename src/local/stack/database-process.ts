import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PGlite } from '@electric-sql/pglite';
import { btree_gist } from '@electric-sql/pglite/contrib/btree_gist';
import { unaccent } from '@electric-sql/pglite/contrib/unaccent';
import { postgis } from '@electric-sql/pglite-postgis';
import { childOptions, keeperReady } from './child.ts';
import { servePglite } from './pglite-server.ts';
import { requireSoleUse } from './sole-user.ts';

export interface DatabaseOptions {
  /** Folder of the data, or null for memory. */
  readonly folder: string | null;
  readonly port: number;
  /** File with pgSTAC's SQL, or null where it could not be had. */
  readonly pgstacSql: string | null;
  /** Where a database that is ready but empty is kept, to start from next time; null: nowhere. */
  readonly templateFolder: string | null;
}

const extensions = { postgis, btree_gist, unaccent };

const options = await childOptions<DatabaseOptions>();
if (options.folder) await requireSoleUse(options.folder);
const database = await openDatabase(options);
const server = await servePglite(database, options.port);
keeperReady({ url: `postgresql://postgres@127.0.0.1:${server.port}/postgres?sslmode=disable` }, async () => {
  await server.close();
  await database.close();
});

/** What is there; or a copy of the template; or, the first time, a new one with its extensions, kept as the template. */
async function openDatabase({ folder, pgstacSql, templateFolder }: DatabaseOptions): Promise<PGlite> {
  const place = folder ? { dataDir: folder } : {};
  if (folder && existsSync(folder) && (await readdir(folder)).length > 0)
    return PGlite.create({ ...place, extensions });
  const template = templateFolder && join(templateFolder, await templateName(pgstacSql));
  if (template && existsSync(template)) {
    return PGlite.create({ ...place, extensions, loadDataDir: new Blob([await readFile(template)]) });
  }
  const fresh = await PGlite.create({ ...place, extensions });
  await fresh.exec('CREATE EXTENSION postgis; CREATE EXTENSION btree_gist; CREATE EXTENSION unaccent');
  if (pgstacSql) await installPgstac(fresh, pgstacSql);
  if (template) await keepTemplate(fresh, template);
  return fresh;
}

async function installPgstac(db: PGlite, file: string): Promise<void> {
  await db.exec(await readFile(file, 'utf8'));
  // The script leaves its own search_path behind, and PGlite has one session for everybody.
  await db.exec('RESET ALL; RESET ROLE');
}

async function keepTemplate(db: PGlite, file: string): Promise<void> {
  const dump = await db.dumpDataDir('none');
  await mkdir(dirname(file), { recursive: true });
  const unfinished = `${file}.${process.pid}`;
  await writeFile(unfinished, Buffer.from(await dump.arrayBuffer()));
  await rename(unfinished, file);
}

/** Another version of PGlite or of pgSTAC is another template. */
async function templateName(pgstacSql: string | null): Promise<string> {
  const packageFile = join(dirname(fileURLToPath(import.meta.resolve('@electric-sql/pglite'))), '..', 'package.json');
  const { version } = JSON.parse(await readFile(packageFile, 'utf8')) as { version: string };
  return `pglite-${version}-${pgstacSql ? basename(pgstacSql, '.sql') : 'plain'}.tar`;
}
