import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { projectRoot } from '../setup/paths.ts';
import { freePort } from './free-port.ts';
import type { RunningService } from './service.ts';

const program = join(projectRoot, 'node_modules/azurite/dist/src/blob/main.js');
const account = 'coremachinetest';

/** Starts Azurite's blob service in a folder of its own, on a free port, under an account whose key exists for this run only. */
export async function startAzurite(): Promise<RunningService> {
  const key = randomBytes(64).toString('base64');
  const folder = await mkdtemp(join(tmpdir(), 'coremachine-azurite-'));
  const port = await freePort();
  const server = launch(folder, port, key);
  try {
    await untilListening(server);
  } catch (error) {
    await stop(server, folder);
    throw error;
  }
  const endpoint = `http://127.0.0.1:${port}/${account}`;
  const address = `DefaultEndpointsProtocol=http;AccountName=${account};AccountKey=${key};BlobEndpoint=${endpoint};`;
  return { address, stop: () => stop(server, folder) };
}

function launch(folder: string, port: number, key: string): ChildProcess {
  const where = ['--blobHost', '127.0.0.1', '--blobPort', String(port)];
  // In a folder for the reason given in src/local/stack/azurite-process.ts.
  const how = ['--location', folder, '--skipApiVersionCheck', '--silent', '--disableTelemetry'];
  return spawn(process.execPath, [program, ...where, ...how], {
    cwd: folder,
    env: { ...process.env, AZURITE_ACCOUNTS: `${account}:${key}` },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

async function untilListening(server: ChildProcess): Promise<void> {
  if (server.stdout === null) throw new Error('Azurite has no output to wait for');
  const lines = createInterface({ input: server.stdout });
  const listening = (async () => {
    for await (const line of lines) if (line.includes('successfully listens')) return;
    throw new Error('Azurite ended before it listened');
  })();
  await listening;
  server.stdout.resume();
}

async function stop(server: ChildProcess, folder: string): Promise<void> {
  if (server.exitCode === null && server.signalCode === null) {
    const ended = once(server, 'exit');
    server.kill('SIGKILL');
    await ended;
  }
  await rm(folder, { recursive: true, force: true });
}
