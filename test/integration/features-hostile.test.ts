import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import pg from 'pg';
import type { JsonObject } from '../../core/json.ts';
import { makeFeatureTables } from '../tools/feature-tables.ts';
import { FeaturesClient, idsOf, linkOf, linksOf, rowsOf } from '../tools/features-client.ts';
import { createTestDatabase } from '../tools/postgres.ts';
import { testStack } from '../tools/stack.ts';

const database = await createTestDatabase({ template: 'pgstac' });
await makeFeatureTables(database.url);
const running = testStack({ env: { DATABASE_URL: database.url, OGC_QUERY_SECONDS: '1' } });
after(() => database.drop());

const client = new FeaturesClient(running);
const get = client.get.bind(client);
const items = client.items.bind(client);

describe('hostile requests', () => {
  const odd = `geo.it's "odd"; DROP TABLE geo.places --`;

  test('collections and features with quotes and slashes in their names are found, by their links', async () => {
    const collection = ((await get('/collections')).body.collections as JsonObject[]).find(({ id }) => id === odd);
    const data = linkOf(collection ?? {}, 'items');
    assert.deepEqual(idsOf(await get(data?.href ?? '')), ['a/b', `ü '"`]);
    assert.equal((await get(`${data?.href}/a%2Fb`)).body.id, 'a/b');
    assert.equal((await get(`${data?.href}/${encodeURIComponent(`ü '"`)}`)).body.id, `ü '"`);
    assert.deepEqual(idsOf(await get(`${data?.href}?a%27b=x&select=1`)), ['a/b']);
  });

  test('no path, name, value or cursor reaches another table or breaks a statement', async () => {
    const ids = [
      '..%2f..%2fsecret',
      'private.secret',
      `places"`,
      `places'--`,
      'places%00',
      'a%2500',
      '%ff',
      'pg_class',
      'x'.repeat(2000),
    ];
    for (const id of ids) {
      for (const rest of ['', '/items', '/items/1']) {
        const { status } = await get(`/collections/${id}${rest}`);
        assert.ok(status === 404 || status === 400, `${id.slice(0, 40)}${rest}: ${status}`);
      }
    }
    for (const query of ['?na%00me=1', '?name=a%00b', '?ctid=(0,1)', '?geom=x', '?constructor=1', '?name%22%3D1=1']) {
      assert.equal((await items(query)).status, 400, query);
    }
    assert.equal((await items('?limit=1000')).body.numberReturned, 250);
  });

  test('a query over its time is 504 QUERY_TIMEOUT, soon, and hurts nobody else', async () => {
    await rowsOf(database.url, 'CREATE VIEW geo.slow AS SELECT id, geom FROM geo.places, pg_sleep(20)');
    try {
      const started = performance.now();
      const [slow, quick] = await Promise.all([items('', 'slow'), items('?limit=1')]);
      assert.deepEqual([slow.status, slow.body.error, quick.status], [504, 'QUERY_TIMEOUT', 200]);
      assert.ok(performance.now() - started < 5000);
    } finally {
      await rowsOf(database.url, 'DROP VIEW geo.slow');
    }
  });

  test('a table that is dropped between two pages is 404', async () => {
    await rowsOf(
      database.url,
      'CREATE TABLE geo.brief AS SELECT * FROM geo.places; ALTER TABLE geo.brief ADD PRIMARY KEY (id)',
    );
    const first = await items('?limit=10', 'brief');
    await rowsOf(database.url, 'DROP TABLE geo.brief');
    const next = await get(linkOf(first.body, 'next')?.href ?? '');
    assert.deepEqual([next.status, next.body.error], [404, 'COLLECTION_NOT_FOUND']);
  });
});

test('a table that is being altered holds up nobody but its own readers', async () => {
  await rowsOf(database.url, 'CREATE TABLE geo.altered (id integer PRIMARY KEY, geom geometry(Point, 4326))');
  const holder = new pg.Client({ connectionString: database.url });
  await holder.connect();
  try {
    await holder.query('BEGIN; LOCK TABLE geo.altered IN ACCESS EXCLUSIVE MODE');
    const [list, own, other] = await Promise.all([get('/collections'), items('', 'altered'), items('?limit=1')]);
    assert.deepEqual([list.status, own.status, other.status], [200, 504, 200]);
    const altered = (list.body.collections as JsonObject[]).find(({ id }) => id === 'altered');
    assert.ok(altered && !('extent' in altered));
  } finally {
    await holder.end();
    await rowsOf(database.url, 'DROP TABLE geo.altered');
  }
});

describe('function keys', () => {
  test('nothing without one; one in the query goes on in every link, one in a header in none', async () => {
    assert.equal((await get('', { key: 'none' })).status, 401);
    const code = `code=${encodeURIComponent(running().stack.functionKey)}`;
    const start = await get(`?${code}`, { key: 'none' });
    for (const one of linksOf(start.body)) assert.equal((await get(one.href, { key: 'none' })).status, 200, one.href);
    const page = await get(`/collections/places/items?limit=5&${code}`, { key: 'none' });
    const next = await get(linkOf(page.body, 'next')?.href ?? '', { key: 'none' });
    assert.deepEqual(idsOf(next), [6, 7, 8, 9, 10]);
    assert.ok(!JSON.stringify((await get('')).body).includes(running().stack.functionKey));
  });
});
