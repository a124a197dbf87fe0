import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRasterJson } from '../../infrastructure/gdal/raster-json.ts';
import { redact, withoutFolders } from '../../infrastructure/gdal/redact.ts';

const key = 'c2VjcmV0LWtleS1vZi1hbi1hY2NvdW50Kys9PQ==';

test('no value of the options is in a redacted text, whole or in parts, plain or encoded', () => {
  const config = {
    AZURE_STORAGE_CONNECTION_STRING: `DefaultEndpointsProtocol=https;AccountName=rasters1;AccountKey=${key};`,
    AZURE_STORAGE_SAS_TOKEN: 'sv=2024-01-01&sp=rl&sig=ab%2Bcd%2Fef%3D%3D',
  };
  const text = [
    `connection ${config.AZURE_STORAGE_CONNECTION_STRING}`,
    `key ${key} or ${encodeURIComponent(key)}`,
    'https://rasters1.blob.core.windows.net/a?sv=2024-01-01&sig=ab%2Bcd%2Fef%3D%3D and ab+cd/ef==',
  ].join('\n');
  const clean = redact(text, config);
  for (const secret of [key, encodeURIComponent(key), 'rasters1', 'ab%2Bcd', 'ab+cd']) {
    assert.ok(!clean.includes(secret), `${secret} is in ${clean}`);
  }
});

test('words that are no secrets stay', () => {
  assert.equal(redact('YES, over http', { GDAL_X: 'YES', P: 'http' }), 'YES, over http');
});

test('what looks like a credential goes without being an option', () => {
  assert.equal(redact('AccountKey=abcdef==;x', {}), 'AccountKey=***;x');
});

test("local files appear by their names, blobs by GDAL's path", () => {
  const paths = ['/data/scratch/1/source.tif', '/vsiaz/raw/a.tif', ''];
  assert.equal(
    withoutFolders('/data/scratch/1/source.tif, /vsiaz/raw/a.tif: no', paths),
    'source.tif, /vsiaz/raw/a.tif: no',
  );
});

test('numbers that JSON has not become strings, text that looks like them stays', () => {
  const parsed = parseRasterJson('{"a":NaN,"b":[-inf, Infinity,1],"c":"is NaN, \\"nan\\" or inf","NaN":-1.5}');
  assert.deepEqual(parsed, { a: 'NaN', b: ['-Infinity', 'Infinity', 1], c: 'is NaN, "nan" or inf', NaN: -1.5 });
});
