import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { runIds } from '../../infrastructure/telemetry/span-ids.ts';
import { type Certificate, makeCertificate } from '../tools/certificate.ts';

const run = promisify(execFile);
const child = join(import.meta.dirname, 'telemetry-azure-monitor.child.ts');

/** The parts of an Application Insights envelope that are looked at. */
interface Envelope {
  readonly name: string;
  readonly iKey: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly data: {
    readonly baseType: string;
    readonly baseData: {
      readonly name?: string;
      readonly success?: boolean;
      readonly metrics?: readonly { readonly name: string; readonly value: number }[];
    };
  };
}

const instrumentationKey = '00000000-1111-2222-3333-444444444444';

test('Azure Monitor gets the job as one operation, and its metrics', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'coremachine-monitor-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const certificate = await makeCertificate(folder);
  if (certificate === null) return t.skip('openssl is not installed, and Azure’s exporter speaks https only');
  const received: Envelope[] = [];
  const server = await startIngestion(certificate, received);
  t.after(() => server.close());
  const endpoint = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const { stdout: jobId, stderr } = await run(process.execPath, [child], {
    env: {
      ...process.env,
      NODE_EXTRA_CA_CERTS: certificate.cert,
      APPLICATIONINSIGHTS_CONNECTION_STRING: `InstrumentationKey=${instrumentationKey};IngestionEndpoint=${endpoint}`,
      APPLICATION_INSIGHTS_NO_STATSBEAT: '1',
    },
  });
  assert.doesNotMatch(stderr, /System:Warning/);
  const spans = received.filter(({ data }) => /RequestData|RemoteDependencyData/.test(data.baseType));
  assert.deepEqual(spans.map(shown).sort(), [
    ['RemoteDependencyData', 'job sum_job'],
    ['RemoteDependencyData', 'stage sum'],
    ['RemoteDependencyData', 'stage work'],
    ['RemoteDependencyData', 'task double'],
    ['RemoteDependencyData', 'task double'],
    ['RemoteDependencyData', 'task sum'],
    ['RequestData', 'POST jobs/submit/{job_type}'],
  ]);
  const { traceId } = runIds({ jobId, run: 1 });
  for (const { iKey, tags, data } of spans) {
    assert.deepEqual([iKey, tags['ai.operation.id'], data.baseData.success], [instrumentationKey, traceId, true]);
    assert.equal(tags['ai.cloud.role'], 'under-test');
  }
  const metrics = received.flatMap(({ data }) => data.baseData.metrics ?? []);
  const tasks = metrics.filter(({ name }) => name === 'coremachine.tasks');
  // Two in stage work and one in sum: each queued, processing, completed.
  assert.equal(
    tasks.reduce((total, { value }) => total + value, 0),
    9,
  );
});

/** A request's name is that of its operation. */
function shown({ data, tags }: Envelope) {
  return [data.baseType, data.baseData.name ?? tags['ai.operation.name']];
}

/** Takes what the exporter sends, as Application Insights does. */
async function startIngestion({ cert, key }: Certificate, received: Envelope[]): Promise<Server> {
  const options = { cert: await readFile(cert), key: await readFile(key) };
  const server = createServer(options, (request, response) => {
    void buffer(request).then((body) => {
      const plain = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
      const envelopes = JSON.parse(plain.toString()) as Envelope[];
      received.push(...envelopes);
      const answer = { itemsReceived: envelopes.length, itemsAccepted: envelopes.length, errors: [] };
      response.setHeader('content-type', 'application/json').end(JSON.stringify(answer));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
