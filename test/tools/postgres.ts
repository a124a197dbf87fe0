import { randomBytes } from 'node:crypto';
import { basename } from 'node:path';
import pg from 'pg';
import { eventually } from './poll.ts';
import { ensureTemplate, type Template } from './postgres-templates.ts';
import { serviceAddress } from './services.ts';

export type { Template } from './postgres-templates.ts';

export interface TestDatabase {
  /** `postgres://` URL with the password inside, as `pg`, psql and GDAL take it. */
  readonly url: string;
  /** Removes the database. @throws when clients are still connected: their owner has leaked them. */
  drop(): Promise<void>;
}

/** URL of the maintenance database of a PostgreSQL server that all tests share. */
export function testServer(): Promise<string> {
  return serviceAddress('postgres');
}

/**
 * A database for one test file, cloned from a template: `postgis` (default; with btree_gist and unaccent), `pgstac`
 * (the same and pgSTAC's schema), or `empty`. Settings of a database are not cloned: set search_path on connecting.
 */
export async function createTestDatabase(options: { template?: Template } = {}): Promise<TestDatabase> {
  const server = await testServer();
  const name = `${fileLabel()}_${randomBytes(4).toString('hex')}`;
  await withClient(server, async (client) => {
    const template = await ensureTemplate(client, server, options.template ?? 'postgis');
    await client.query(`CREATE DATABASE ${name} TEMPLATE ${template}`);
  });
  return { url: databaseUrl(server, name), drop: () => withClient(server, (client) => dropDatabase(client, name)) };
}

/** Connects, hands the client over, and always ends it. */
export async function withClient<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

export function databaseUrl(server: string, name: string): string {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}

async function dropDatabase(client: pg.Client, name: string): Promise<void> {
  let leaked: unknown;
  try {
    // The server notices the end of a closed connection a moment later.
    await eventually(async () => (await connectionsOf(client, name)).length === 0, { timeoutMs: 3_000 });
  } catch {
    leaked = await connectionsOf(client, name);
  }
  await client.query(`DROP DATABASE ${name} WITH (FORCE)`);
  if (leaked !== undefined) throw new Error(`Clients were left connected to ${name}: ${JSON.stringify(leaked)}`);
}

async function connectionsOf(client: pg.Client, name: string): Promise<readonly unknown[]> {
  const sql = `SELECT application_name, state, left(query, 200) AS query FROM pg_stat_activity
               WHERE datname = $1 AND backend_type = 'client backend'`;
  return (await client.query(sql, [name])).rows;
}

/** The test file's name, so that the server's log and a leak tell whose database it is. */
function fileLabel(): string {
  const file = basename(process.argv[1] ?? 'test').replace(/\.test\.ts$/, '');
  return `test_${file.replace(/\W/g, '_').slice(0, 40)}`.toLowerCase();
}
