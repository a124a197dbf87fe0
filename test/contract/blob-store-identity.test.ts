import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { type Certificate, makeCertificate } from '../tools/certificate.ts';
import { writeTinyRaster } from '../tools/tiny-raster.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const azurite = join(root, 'node_modules/azurite/dist/src/blob/main.js');

test('with an identity GDAL reads through a signature for one container', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'coremachine-identity-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const certificate = await makeCertificate(folder);
  if (certificate === null) return t.skip('openssl is not installed: no certificate, and tokens travel by https only');
  const server = spawn(process.execPath, [azurite, ...flags(certificate)], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(async () => {
    server.kill('SIGKILL');
    if (server.exitCode === null && server.signalCode === null) await once(server, 'exit');
  });
  const port = await listeningPort(server);
  const { cert } = certificate;
  const child = join(import.meta.dirname, 'blob-store-identity.child.ts');
  await run(
    process.execPath,
    [child, `https://127.0.0.1:${port}/devstoreaccount1`, writeTinyRaster(join(folder, 'tiny.tif'))],
    {
      env: { ...process.env, NODE_EXTRA_CA_CERTS: cert, SSL_CERT_FILE: cert, CURL_CA_BUNDLE: cert },
    },
  );
});

function flags({ cert, key }: Certificate): string[] {
  const where = ['--blobHost', '127.0.0.1', '--blobPort', '0', '--inMemoryPersistence'];
  return [...where, '--oauth', 'basic', '--cert', cert, '--key', key, '--skipApiVersionCheck', '--disableTelemetry'];
}

async function listeningPort(server: ChildProcess): Promise<number> {
  if (server.stdout === null) throw new Error('Azurite has no output to read');
  const lines = createInterface({ input: server.stdout });
  for await (const line of lines) {
    const port = /listens on https:\/\/127\.0\.0\.1:(\d+)/.exec(line)?.[1];
    if (port !== undefined) {
      server.stdout.resume();
      return Number(port);
    }
  }
  throw new Error('Azurite ended before it listened');
}
