/**
 * A blob store with a token instead of a key, and GDAL reading through what it hands out. Trusts the certificate that
 * NODE_EXTRA_CA_CERTS and SSL_CERT_FILE name. Arguments: the blob endpoint, a raster. Throws when something is wrong.
 */
import assert from 'node:assert/strict';
import { BlobServiceClient } from '@azure/storage-blob';
import gdal from 'gdal-async';
import { openBlobStore } from '../../infrastructure/blob/azure-blob-store.ts';
import { DelegatedAccess } from '../../infrastructure/blob/gdal-access.ts';

const [blobServiceUri = '', raster = ''] = process.argv.slice(2);
const binary = { contentType: 'image/tiff' };

const credential = { getToken: async () => token() };
const store = openBlobStore({ connection: { blobServiceUri }, credential });
const names = ['plain.tif', "späß/a b'c#d?e%20f.tif", ' lead;x=1&y.tif'];
for (const container of ['open', 'closed']) {
  for (const name of names) await store.upload({ container, name }, raster, binary);
}

for (const name of names) {
  const { path, config } = await store.gdalSource({ container: 'open', name });
  assert.equal(path, `/vsiaz/open/${name}`);
  assert.doesNotMatch(JSON.stringify(config), /AccountKey/);
  use(config);
  const dataset = gdal.open(path);
  assert.ok(dataset.rasterSize.x > 0);
  dataset.close();
  assert.throws(() => gdal.open(`/vsiaz/closed/${name}`), `the signature for one container opened another: ${name}`);
}

// One signing key for all: the same container gives the same signature, another one its own.
const [first, again, other] = await Promise.all(
  ['open', 'open', 'closed'].map((container) => store.gdalSource({ container, name: 'plain.tif' })),
);
assert.deepEqual(first, again);
assert.notDeepEqual(first?.config, other?.config);
const signature = new URLSearchParams(
  /SharedAccessSignature=(.*)$/.exec(first?.config.AZURE_STORAGE_CONNECTION_STRING ?? '')?.[1],
);
assert.equal(signature.get('sp'), 'r');
assert.equal(signature.get('spr'), 'https');
assert.ok(Date.parse(signature.get('se') ?? '') - Date.now() > 6 * 3_600_000, 'the signature ends too soon');

// The key is renewed while what was handed out last is still good for hours.
const hourMs = 3_600_000;
let now = Date.now();
const access = new DelegatedAccess(new BlobServiceClient(blobServiceUri, credential), () => now);
const configAfter = async (hours: number) => {
  now += hours * hourMs;
  const [source, same] = await Promise.all([1, 2].map(() => access.source({ container: 'open', name: 'x' })));
  assert.deepEqual(source, same);
  return source?.config;
};
const atFirst = await configAfter(0);
assert.deepEqual(await configAfter(5), atFirst);
assert.notDeepEqual(await configAfter(2), atFirst);

function use(config: Readonly<Record<string, string>>): void {
  for (const [key, value] of Object.entries(config)) gdal.config.set(key, value);
}

/** What the emulator accepts as a token of Entra: its claims are checked, its signature is not. */
function token() {
  const seconds = Math.floor(Date.now() / 1000);
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = {
    aud: 'https://storage.azure.com',
    iss: 'https://sts.windows.net/00000000-0000-0000-0000-000000000000/',
    iat: seconds - 60,
    nbf: seconds - 60,
    exp: seconds + 3600,
    oid: '11111111-1111-1111-1111-111111111111',
    tid: '00000000-0000-0000-0000-000000000000',
  };
  const text = [part({ alg: 'HS256', typ: 'JWT' }), part(claims), Buffer.from('unsigned').toString('base64url')].join(
    '.',
  );
  return { token: text, expiresOnTimestamp: (seconds + 3600) * 1000 };
}
