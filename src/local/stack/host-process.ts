import { readdir, readFile } from 'node:fs/promises';
import { CoreMachineError } from '../../../core/errors.ts';
import { startFunctionsHost } from '../functions-host/host.ts';
import { childOptions, childReady } from './child.ts';
import { randomFunctionKey } from './function-key.ts';

export interface HostOptions {
  readonly port: number;
  /** FUNCTION_KEY of the environment wins over it; with neither, one that nobody knows before. */
  readonly functionKey?: string;
}

const options = await childOptions<HostOptions>();
const functionKey = process.env.FUNCTION_KEY || options.functionKey || randomFunctionKey();
const functionsFolder = new URL('../../functions/', import.meta.url);
const settings = Object.fromEntries(
  Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined),
);

const host = await startFunctionsHost({
  hostJson: JSON.parse(await readFile(new URL('../../../host.json', import.meta.url), 'utf8')),
  settings,
  port: options.port,
  keys: { function: [functionKey], admin: [functionKey] },
  load: loadFunctions,
  // An emulator that restarts is back in a moment; Azure's 30 s between tries would be felt.
  serviceBusClientOptions: { retryOptions: { retryDelayInMs: 200, maxRetryDelayInMs: 2000, timeoutInMs: 5000 } },
});
// Opened before the first request: a wrong setting must stop the start, not the first job.
const { currentApp, closeApp } = await import('../../app.ts');
await currentApp().catch(endWith);

childReady({ url: host.url, functionKey }, async () => {
  await host.stop({ graceMs: 15_000 });
  await closeApp();
});

/** A setting or a service is wrong, and said so: a stack trace would only hide it. What has no code is a fault of ours. */
function endWith(error: unknown): never {
  if (!(error instanceof CoreMachineError)) throw error;
  const details = error.details?.map(({ path, message }) => `\n  ${path ? `${path}: ` : ''}${message}`) ?? [];
  console.error(`${error.code}: ${error.message}${details.join('')}`);
  process.exit(1);
}

/** As Azure does it: every file of the folder that package.json's main names registers its trigger. */
async function loadFunctions(): Promise<void> {
  const files = (await readdir(functionsFolder)).filter((name) => /\.(ts|js)$/.test(name)).sort();
  for (const file of files) await import(new URL(file, functionsFolder).href);
}
