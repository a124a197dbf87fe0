import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { chown, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { findPostgres } from '../setup/postgres-programs.ts';
import { freePort } from './free-port.ts';
import type { RunningService } from './service.ts';

const run = promisify(execFile);
const readyLimitMs = 60_000;
const stopLimitMs = 20_000;

/** PostgreSQL refuses to run as root; Debian's package brings an account for it. */
interface Account {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Starts a PostgreSQL server of its own in a temporary folder, on a free port of the loopback interface. It forgoes
 * durability, which tests do not need; COREMACHINE_TEST_DURABLE=1 keeps it. COREMACHINE_TEST_PRELOAD names libraries
 * to load, e.g. pg_stat_statements.
 */
export async function startPostgres(): Promise<RunningService> {
  const bin = findPostgres();
  if (bin === null) throw new Error('No PostgreSQL server with PostGIS was found; ./run setup installs one.');
  const account = await serverAccount();
  const password = randomBytes(16).toString('hex');
  const folder = await mkdtemp(join(tmpdir(), 'coremachine-postgres-'));
  try {
    if (account) await chown(folder, account.uid, account.gid);
    await createCluster(bin, folder, password, account);
    const port = await freePort();
    const server = launch(bin, folder, port, account);
    const address = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;
    await untilReady(server, address, folder);
    return { address, stop: () => stop(server, folder) };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

async function createCluster(bin: string, folder: string, password: string, account: Account | null): Promise<void> {
  const passwordFile = join(folder, 'password');
  await writeFile(passwordFile, password);
  if (account) await chown(passwordFile, account.uid, account.gid);
  const locale = process.platform === 'linux' ? 'C.UTF-8' : 'en_US.UTF-8';
  const args = ['-D', join(folder, 'data'), '-U', 'postgres', '--pwfile', passwordFile, '-A', 'password'];
  await run(join(bin, 'initdb'), [...args, '-E', 'UTF8', '--locale', locale, '--no-sync'], { cwd: folder, ...account });
}

function launch(bin: string, folder: string, port: number, account: Account | null): ChildProcess {
  const settings = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: '',
    max_connections: 300,
    timezone: 'UTC',
    shared_preload_libraries: process.env.COREMACHINE_TEST_PRELOAD ?? '',
    ...(process.env.COREMACHINE_TEST_DURABLE === '1'
      ? {}
      : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
  };
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const log = openSync(join(folder, 'log'), 'w');
  return spawn(join(bin, 'postgres'), ['-D', join(folder, 'data'), ...args], {
    cwd: folder,
    stdio: ['ignore', log, log],
    ...account,
  });
}

async function untilReady(server: ChildProcess, address: string, folder: string): Promise<void> {
  const deadline = Date.now() + readyLimitMs;
  while (!(await answers(address))) {
    if (server.exitCode !== null || Date.now() > deadline) {
      server.kill('SIGKILL');
      throw new Error(`PostgreSQL did not start:\n${await readFile(join(folder, 'log'), 'utf8')}`);
    }
    await wait(50);
  }
}

async function answers(address: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: address });
  try {
    await client.connect();
    await client.end();
    return true;
  } catch {
    return false;
  }
}

/** SIGINT is PostgreSQL's fast shutdown: clients are cut off; SIGQUIT does not even wait for them. */
async function stop(server: ChildProcess, folder: string): Promise<void> {
  if (server.exitCode === null && server.signalCode === null) {
    const ended = once(server, 'exit');
    server.kill('SIGINT');
    const inTime = await Promise.race([ended.then(() => true), wait(stopLimitMs, false, { ref: false })]);
    if (!inTime) {
      server.kill('SIGQUIT');
      await ended;
    }
  }
  await rm(folder, { recursive: true, force: true });
}

async function serverAccount(): Promise<Account | null> {
  if (process.getuid?.() !== 0) return null;
  const id = async (option: string) => Number((await run('id', [option, 'postgres'])).stdout);
  return { uid: await id('-u'), gid: await id('-g') };
}
