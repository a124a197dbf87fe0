import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export type ServiceName = 'postgres' | 'azurite';

export interface RunningService {
  /** PostgreSQL: a `postgres://` URL of its maintenance database. Azurite: a storage connection string. */
  readonly address: string;
  stop(): Promise<void>;
}

/** The variable under which a test finds a service that was started for it. */
export const addressVariable: Readonly<Record<ServiceName, string>> = {
  postgres: 'COREMACHINE_TEST_DATABASE_URL',
  azurite: 'COREMACHINE_TEST_STORAGE_CONNECTION',
};

/**
 * Starts a service under a keeper process, which stops it and removes its files as soon as this process is gone,
 * however it went. Does not keep this process alive.
 */
export async function startService(
  name: ServiceName,
  env: Readonly<Record<string, string>> = {},
): Promise<RunningService> {
  const keeper = spawn(process.execPath, [join(import.meta.dirname, 'service-keeper.ts'), name], {
    detached: true,
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(keeper, 'exit');
  const lines = createInterface({ input: keeper.stdout });
  const firstLine = await Promise.race([once(lines, 'line'), ended.then(() => null)]);
  if (firstLine === null) throw new Error(`The test service ${name} did not start.`);
  for (const handle of [keeper, keeper.stdin, keeper.stdout]) if ('unref' in handle) handle.unref();
  const stop = async () => {
    keeper.ref();
    keeper.stdin.end();
    await ended;
  };
  return { address: String(firstLine[0]), stop };
}
