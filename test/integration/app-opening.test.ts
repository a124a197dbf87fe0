import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openApp } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { childProcesses } from '../tools/child-processes.ts';
import { createTestDatabase } from '../tools/postgres.ts';

test('an application that cannot be opened leaves no process and no connection behind', async () => {
  const database = await createTestDatabase();
  const config = readConfig({
    DATABASE_URL: database.url,
    SERVICE_BUS_CONNECTION:
      'Endpoint=sb://localhost;SharedAccessKeyName=none;SharedAccessKey=none;UseDevelopmentEmulator=true',
    STORAGE_CONNECTION: 'UseDevelopmentStorage=true',
    STAC_FLAVOUR: 'pgstac',
  });
  for (let time = 1; time <= 2; time += 1) await assert.rejects(openApp(config), { code: 'CATALOGUE_VERSION' });
  assert.deepEqual(childProcesses('gdal'), []);
  // Refuses while anyone is connected.
  await database.drop();
});
