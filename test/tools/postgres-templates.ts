import { readFile } from 'node:fs/promises';
import pg from 'pg';
import { ensurePgstacSql } from '../../src/cli/setup/pgstac.ts';

export type Template = 'empty' | 'postgis' | 'pgstac';

const extensions = ['postgis', 'btree_gist', 'unaccent'];
/** Any number that all test files agree on. */
const templateLock = 728_401;

/** Makes the template when this server does not have it yet, and returns its name. Safe to call from many processes. */
export async function ensureTemplate(client: pg.Client, server: string, template: Template): Promise<string> {
  if (template === 'empty') return 'template0';
  const name = `coremachine_template_${template}`;
  await client.query('SELECT pg_advisory_lock($1)', [templateLock]);
  try {
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
    if (rowCount === 0) await makeTemplate(client, server, template, name);
  } finally {
    await client.query('SELECT pg_advisory_unlock($1)', [templateLock]);
  }
  return name;
}

/** Filled under another name first, so that a half-made template is never found. */
async function makeTemplate(client: pg.Client, server: string, template: Template, name: string): Promise<void> {
  const draft = `${name}_draft`;
  await client.query(`DROP DATABASE IF EXISTS ${draft}`);
  await client.query(`CREATE DATABASE ${draft} TEMPLATE template0`);
  const url = new URL(server);
  url.pathname = `/${draft}`;
  const inside = new pg.Client({ connectionString: url.href });
  await inside.connect();
  try {
    for (const extension of extensions) await inside.query(`CREATE EXTENSION ${extension}`);
    if (template === 'pgstac') await inside.query(await pgstacSql());
  } finally {
    await inside.end();
  }
  await client.query(`ALTER DATABASE ${draft} RENAME TO ${name}`);
}

async function pgstacSql(): Promise<string> {
  const file = await ensurePgstacSql();
  if (file === null) throw new Error('The tests need pgSTAC, and its SQL could not be fetched.');
  return readFile(file, 'utf8');
}
