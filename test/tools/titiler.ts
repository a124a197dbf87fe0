import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { venvPython } from '../../src/cli/setup/python.ts';
import { freePort } from '../../src/cli/testing/free-port.ts';
import { pythonMissing } from './optional-python.ts';
import { eventually } from './poll.ts';

/** Installs titiler-pgstac into the tests' Python environment. Null when it is there, else why it is not. */
export function titilerMissing(): Promise<string | null> {
  return pythonMissing('titiler');
}

export interface Titiler {
  readonly url: string;
  stop(): Promise<void>;
}

/** A titiler-pgstac of its own on a free port, without caches, on a database with pgSTAC. */
export async function startTitiler(databaseUrl: string): Promise<Titiler> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const folder = mkdtempSync(join(tmpdir(), 'coremachine-titiler-'));
  const logFile = join(folder, 'log');
  const server = launch(port, databaseUrl, folder, logFile);
  const stop = () => stopServer(server, folder);
  try {
    await eventually(() => isUp(url, server), { timeoutMs: 60_000, intervalMs: 100 });
  } catch (error) {
    const log = readFileSync(logFile, 'utf8').slice(-3000);
    await stop();
    throw new Error(`titiler-pgstac did not start:\n${log}`, { cause: error });
  }
  return { url, stop };
}

function launch(port: number, databaseUrl: string, folder: string, logFile: string): ChildProcess {
  const log = openSync(logFile, 'w');
  const args = ['-m', 'uvicorn', 'titiler.pgstac.main:app', '--host', '127.0.0.1', '--port', String(port)];
  const server = spawn(venvPython, args, {
    cwd: folder,
    stdio: ['ignore', log, log],
    env: {
      PATH: process.env.PATH ?? '',
      DATABASE_URL: databaseUrl.replace(/^postgres:/, 'postgresql:'),
      TITILER_PGSTAC_CACHE_DISABLE: 'TRUE',
      DB_MAX_CONN_SIZE: '4',
      GDAL_DISABLE_READDIR_ON_OPEN: 'EMPTY_DIR',
      GDAL_CACHEMAX: '64',
    },
  });
  closeSync(log);
  return server;
}

async function isUp(url: string, server: ChildProcess): Promise<boolean> {
  // One that has ended will never answer; the test's time limit need not be waited for.
  if (server.exitCode !== null) return true;
  return fetch(`${url}/healthz`).then(
    (answer) => answer.ok,
    () => false,
  );
}

async function stopServer(server: ChildProcess, folder: string): Promise<void> {
  if (server.exitCode === null && server.signalCode === null) {
    const ended = once(server, 'exit');
    server.kill('SIGKILL');
    await ended;
  }
  rmSync(folder, { recursive: true, force: true });
}
