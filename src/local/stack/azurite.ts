import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { createRequire } from 'node:module';

export interface Azurite {
  readonly connectionString: string;
  readonly exited: Promise<number | null>;
  stop(): Promise<void>;
}

/** Azurite's published development account; the key is the same everywhere and protects nothing. */
const account = 'devstoreaccount1';
const key = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';

/** Starts Azurite's blob service and waits until it listens. `folder` null keeps everything in memory. */
export async function startAzurite(options: {
  readonly folder: string | null;
  readonly port: number;
  readonly log: string;
}): Promise<Azurite> {
  const main = createRequire(import.meta.url).resolve('azurite/dist/src/blob/main.js');
  const storage = options.folder ? ['--location', options.folder] : ['--inMemoryPersistence'];
  const flags = [
    '--blobHost',
    '127.0.0.1',
    '--blobPort',
    String(options.port),
    '--skipApiVersionCheck',
    '--disableTelemetry',
  ];
  const child = spawn(process.execPath, [main, ...flags, ...storage], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const log = createWriteStream(options.log, { flags: 'a' });
  child.stderr.pipe(log, { end: false });
  const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  const port = await new Promise<number>((resolve, reject) => {
    exited.then((code) => reject(new Error(`Azurite ended with code ${code}; see its log`)), reject);
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      log.write(text);
      const listening = /listens on http:\/\/127\.0\.0\.1:(\d+)/.exec(text);
      if (listening) resolve(Number(listening[1]));
    });
  });
  const endWithParent = () => child.kill('SIGKILL');
  process.once('exit', endWithParent);
  return {
    connectionString: connectionString(port),
    exited,
    async stop() {
      process.removeListener('exit', endWithParent);
      child.kill('SIGTERM');
      await exited;
      log.end();
    },
  };
}

function connectionString(port: number): string {
  return `DefaultEndpointsProtocol=http;AccountName=${account};AccountKey=${key};BlobEndpoint=http://127.0.0.1:${port}/${account};`;
}
