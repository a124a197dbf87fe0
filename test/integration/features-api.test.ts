import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import type { JsonObject } from '../../core/json.ts';
import { makeFeatureTables } from '../tools/feature-tables.ts';
import { FeaturesClient, featuresOf, idsOf, type Link, linkOf, linksOf } from '../tools/features-client.ts';
import { createTestDatabase } from '../tools/postgres.ts';
import { testStack } from '../tools/stack.ts';

// The names in the titles are those of the requirements of OGC API Features Part 1 (OGC 17-069), which its test suite checks.

const database = await createTestDatabase({ template: 'pgstac' });
await makeFeatureTables(database.url);
const running = testStack({ env: { DATABASE_URL: database.url } });
after(() => database.drop());

const client = new FeaturesClient(running);
const get = client.get.bind(client);
const items = client.items.bind(client);
const crs84 = 'http://www.opengis.net/def/crs/OGC/1.3/CRS84';

describe('the start', () => {
  test('/req/core/root-op, root-success: links to the API definition, conformance and data', async () => {
    for (const address of ['', '/', '?f=json']) {
      const answer = await get(address);
      assert.deepEqual([answer.status, answer.type], [200, 'application/json']);
      assert.deepEqual(
        linksOf(answer.body)
          .map(({ rel }) => rel)
          .sort(),
        ['conformance', 'data', 'self', 'service-desc'],
      );
      for (const one of linksOf(answer.body)) assert.equal((await get(one.href)).status, 200, one.href);
    }
  });

  test('/req/core/api-definition-op, api-definition-success: the definition is of the type the link says', async () => {
    const desc = linkOf((await get('')).body, 'service-desc');
    const { type, body } = await get(desc?.href ?? '');
    assert.equal(type, desc?.type);
    assert.equal(body.openapi, '3.1.0');
    assert.deepEqual(Object.keys(body).sort(), ['components', 'info', 'openapi', 'paths']);
  });

  test('/req/core/fc-bbox-definition, fc-time-definition, fc-limit-definition: as the definition has them', async () => {
    const { body } = await get(`${running().stack.url}/api/openapi.json`);
    const paths = body.paths as Record<
      string,
      { get?: { parameters: (JsonObject & { name: string; schema: JsonObject })[] } }
    >;
    const parameters = paths['/api/features/collections/{collection_id}/items']?.get?.parameters ?? [];
    const named = (name: string) => parameters.find((one) => one.name === name);
    assert.deepEqual(
      [named('bbox')?.schema.type, named('bbox')?.explode, named('bbox')?.style],
      ['array', false, 'form'],
    );
    assert.deepEqual(named('datetime')?.schema.type, 'string');
    const { type, minimum, maximum, default: usual } = named('limit')?.schema ?? {};
    assert.deepEqual([type, minimum, maximum, usual], ['integer', 1, 10_000, 100]);
    assert.ok(['bbox', 'datetime', 'limit'].every((name) => named(name)?.required === false));
  });

  test('/req/core/conformance-op, conformance-success', async () => {
    const { status, body } = await get('/conformance');
    assert.equal(status, 200);
    const classes = ['core', 'geojson'].map((name) => `http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/${name}`);
    assert.deepEqual(body, { conformsTo: classes });
  });

  test('/req/core/http: what is not there is 404, what is no good is 400, in the API’s own form', async () => {
    for (const [address, status, code] of [
      ['/collections/nothing', 404, 'COLLECTION_NOT_FOUND'],
      ['/collections/nothing/items', 404, 'COLLECTION_NOT_FOUND'],
      ['/collections/places/items/999', 404, 'FEATURE_NOT_FOUND'],
      ['/collections/places/items/x', 404, 'FEATURE_NOT_FOUND'],
      ['/collections/private.secret/items', 404, 'COLLECTION_NOT_FOUND'],
      ['/collections?f=html', 400, 'INVALID_PARAMETERS'],
    ] as const) {
      const answer = await get(address);
      assert.deepEqual([answer.status, answer.body.error], [status, code], address);
      assert.ok(answer.body.request_id && answer.body.timestamp && answer.headers.get('x-request-id'), address);
    }
  });
});

test('/rec/core/head: HEAD answers as GET does, without the body', async () => {
  const { url, functionKey } = running().stack;
  const ask = (method: string, path: string) =>
    fetch(`${url}/api/features${path}`, { method, headers: { 'x-functions-key': functionKey } });
  for (const path of ['', '/conformance', '/collections', '/collections/places', '/collections/places/items?limit=1']) {
    const [got, asked] = await Promise.all([ask('GET', path), ask('HEAD', path)]);
    assert.deepEqual([asked.status, asked.headers.get('content-type')], [200, got.headers.get('content-type')], path);
    assert.equal(await asked.text(), '');
  }
  assert.equal((await ask('HEAD', '/collections/none')).status, 404);
  assert.equal((await ask('POST', '/collections')).status, 404);
});

describe('collections', () => {
  test('/req/core/fc-md-op, fc-md-success, fc-md-links, fc-md-items: every collection, with links that work', async () => {
    const answer = await get('/collections');
    assert.deepEqual([answer.status, answer.type], [200, 'application/json']);
    assert.equal(linkOf(answer.body, 'self')?.type, 'application/json');
    const collections = answer.body.collections as JsonObject[];
    assert.equal(collections.length, 8);
    for (const collection of collections) {
      const one = collection.links as unknown as Link[];
      // /req/core/fc-md-items-links
      const data = one.find(({ rel }) => rel === 'items');
      assert.equal(data?.type, 'application/geo+json');
      assert.equal((await get(data?.href ?? '')).status, 200, data?.href);
      // /req/core/sfc-md-op, sfc-md-success: the same in the list and alone
      const alone = await get(one.find(({ rel }) => rel === 'self')?.href ?? '');
      assert.equal(alone.status, 200);
      assert.deepEqual(alone.body, collection);
      // /req/core/crs84
      assert.deepEqual(collection.crs, [crs84]);
    }
  });

  test('/req/core/fc-md-extent, rec/core/fc-md-extent-single: one box that covers every feature, in CRS84', async () => {
    const { body } = await get('/collections/places');
    const extent = body.extent as { spatial: { bbox: number[][]; crs: string }; temporal: { interval: string[][] } };
    const [west = 0, south = 0, east = 0, north = 0] = extent.spatial.bbox[0] ?? [];
    assert.ok(west <= 0 && south <= 0 && east >= 24 && north >= 9);
    assert.equal(extent.spatial.crs, crs84);
    assert.deepEqual(extent.temporal.interval, [['2024-01-01T00:00:00Z', '2024-01-11T09:00:00Z']]);
    const grids = (await get('/collections/h3.grids')).body.extent as typeof extent;
    const [gridWest = 0, , gridEast = 0] = grids.spatial.bbox[0] ?? [];
    assert.ok(gridWest <= -180 + 1e-4 && gridEast >= 179);
  });
});

describe('features', () => {
  test('/req/core/fc-op, fc-response, geojson/content, geojson/definition', async () => {
    for (const id of ['places', 'fields', 'nokey', 'odd', 'some_places', 'grids', 'h3.grids']) {
      const answer = await items('', id);
      assert.deepEqual(
        [answer.status, answer.type, answer.body.type],
        [200, 'application/geo+json', 'FeatureCollection'],
      );
      for (const feature of featuresOf(answer)) {
        assert.equal(feature.type, 'Feature');
        assert.ok(feature.geometry === null || (feature.geometry.type && feature.geometry.coordinates), id);
        assert.equal(typeof feature.properties, 'object');
      }
    }
  });

  test('/req/core/fc-limit-response-1: never more than asked for; a giant limit is the largest page', async () => {
    for (const [query, expected] of [
      ['', 100],
      ['?limit=1', 1],
      ['?limit=250', 250],
      ['?limit=10000', 250],
      ['?limit=99999999999999999999', 250],
    ] as const) {
      assert.equal(featuresOf(await items(query)).length, expected, query);
    }
  });

  test('/req/core/fc-timeStamp, fc-numberReturned, fc-numberMatched: right when they are given', async () => {
    const before = Date.now();
    const first = await items('?limit=10');
    const made = Date.parse(String(first.body.timeStamp));
    assert.ok(made >= before - 1000 && made <= Date.now() + 1000);
    assert.deepEqual([first.body.numberReturned, first.body.numberMatched], [10, undefined]);
    const whole = await items('?limit=1000&open=true');
    assert.deepEqual([whole.body.numberReturned, whole.body.numberMatched], [125, 125]);
    const none = await items('?name=nobody');
    assert.deepEqual([none.body.numberReturned, none.body.numberMatched, none.body.features], [0, 0, []]);
  });

  test('/req/core/fc-links, fc-rel-type, rec/core/next-1, next-2: `self`, and `next` to the last page', async () => {
    let answer = await items('?limit=40&open=true&bbox=0,0,23,9');
    const seen: number[] = [];
    for (let pages = 1; ; pages += 1) {
      assert.ok(pages <= 4);
      assert.equal(linkOf(answer.body, 'self')?.type, 'application/geo+json');
      assert.deepEqual(idsOf(await get(linkOf(answer.body, 'self')?.href ?? '')), idsOf(answer));
      seen.push(...idsOf(answer));
      const next = linkOf(answer.body, 'next');
      if (!next) break;
      assert.equal(next.type, 'application/geo+json');
      answer = await get(next.href);
      assert.equal(answer.status, 200);
    }
    const expected = Array.from({ length: 250 }, (_, n) => n).filter((n) => n % 2 === 0 && n % 25 <= 23);
    assert.deepEqual(
      seen,
      expected.map((n) => n + 1),
    );
  });

  test('/req/core/fc-bbox-response: four and six numbers, over the antimeridian, around the globe', async () => {
    const found = async (bbox: string, collection = 'places') =>
      featuresOf(await items(`?limit=1000&bbox=${bbox}`, collection)).length;
    assert.equal(await found('2.5,-1,4.5,0.5'), 2);
    assert.equal(await found('2.5,-1,-10,4.5,0.5,10'), 2);
    assert.equal(await found('-180,-90,180,90'), 250);
    assert.equal(await found('-540,-90,540,90'), 250);
    assert.equal(await found('178.5,-1,-178.5,1', 'h3.grids'), 6);
    assert.equal(await found('178.5,-1,181.5,1', 'h3.grids'), 6);
    assert.equal(await found('-181.5,-1,-178.5,1', 'h3.grids'), 6);
    assert.equal(await found('180,-1,180,1', 'h3.grids'), 0);
    assert.equal(await found('9.0001,49.6,9.02,49.7', 'fields'), 2);
  });

  test('/req/core/fc-time-response: instants, intervals, open ends', async () => {
    for (const [datetime, expected] of [
      ['2024-01-01T05:00:00Z', 1],
      ['2024-01-01T05:00:00Z/2024-01-01T07:00:00Z', 3],
      ['2024-01-01T07:00:00%2B02:00/2024-01-01T07:30:00.500Z', 3],
      ['../2024-01-01T05:00:00Z', 6],
      ['/2024-01-01T05:00:00Z', 6],
      ['2024-01-11T00:00:00Z/..', 10],
      ['2024-01-11T00:00:00Z/', 10],
      ['2024-01-02', 24],
      ['2023-01-01T00:00:00Z', 0],
    ] as const) {
      assert.equal(featuresOf(await items(`?limit=1000&datetime=${datetime}`)).length, expected, datetime);
    }
    assert.equal(featuresOf(await items('?datetime=2024-01-01T05:00:00Z', 'nokey')).length, 25);
  });

  test('/rec/core/fc-filters: properties of every kind', async () => {
    for (const [query, expected] of [
      ['?name=Ort%207', [8]],
      ['?big=9223372036854775007', [8]],
      ['?note=%C3%9F%22%5C2&open=true&size=12', [13]],
      ["?name=Ort%207'%20OR%20'1'='1", []],
      ["?name=';DROP TABLE geo.places;--", []],
    ] as const) {
      assert.deepEqual(idsOf(await items(query)), expected, query);
    }
  });

  test('/req/core/query-param-unknown: 400, with its name', async () => {
    for (const [address, name] of [
      ['/collections/places/items?colour=red', 'colour'],
      ['/collections/places/items?filter=size%3E1', 'filter'],
      ['/collections/places/items?crs=x', 'crs'],
      ['/collections/places/items/1?limit=1', 'limit'],
      ['/collections?limit=1', 'limit'],
      ['/conformance?x=1', 'x'],
      ['?bbox=1,2,3,4', 'bbox'],
    ] as const) {
      const { status, body } = await get(address);
      assert.deepEqual([status, body.error], [400, 'INVALID_PARAMETERS'], address);
      assert.deepEqual(
        (body.details as JsonObject[]).map(({ path }) => path),
        [name],
      );
    }
  });

  test('/req/core/query-param-invalid: 400, with its name', async () => {
    const wrong: Readonly<Record<string, readonly string[]>> = {
      bbox: [
        '',
        '1,2,3',
        '1,2,3,4,5',
        'a,b,c,d',
        '1,2,3,4,5,6,7',
        '0,10,1,5',
        '1,2,NaN,4',
        '1,2,1e999,4',
        '0,0,5,1,1,1',
        '0,0,1,1;DROP TABLE geo.places',
        '1,'.repeat(2400),
      ],
      datetime: [
        '',
        'yesterday',
        '2024-13-01T00:00:00Z',
        '2024-02-30T00:00:00Z',
        '2024-01-02T00:00:00Z/2024-01-01T00:00:00Z',
        '../..',
        '/',
        '2024-01-01T00:00:00Z/x',
        '2024-01-01T00:00:00Z/../..',
        '0000-01-01T00:00:00Z',
      ],
      limit: ['0', '-1', 'x', '1.5', '', '1e3', '10;DROP TABLE geo.places'],
      cursor: [
        'x',
        '',
        'eyJhZnRlciI6WyJ4Il19',
        'eyJhZnRlciI6WyIxIiwiMiJdfQ',
        'eyJhZnRlciI6MX0',
        'bnVsbA',
        'x'.repeat(9000),
      ],
      size: ['1; DROP TABLE geo.places', '2147483648', '', 'NULL'],
    };
    for (const [name, values] of Object.entries(wrong)) {
      for (const value of values) {
        const { status, body } = await items(`?${name}=${encodeURIComponent(value)}`);
        assert.deepEqual([status, body.error], [400, 'INVALID_PARAMETERS'], `${name}=${value.slice(0, 60)}`);
        assert.deepEqual(
          (body.details as JsonObject[]).map(({ path }) => path),
          [name],
        );
      }
    }
  });

  test('a parameter that is given twice is 400, with its name', async () => {
    for (const [query, names] of [
      ['?limit=1&limit=2', ['limit']],
      ['?name=Ort%201&name=Ort%202', ['name']],
      ['?size=1&bbox=0,0,1,1&size=1&bbox=0,0,1,1', ['size', 'bbox']],
    ] as const) {
      const { status, body } = await items(query);
      assert.deepEqual([status, (body.details as JsonObject[]).map(({ path }) => path)], [400, names], query);
    }
  });

  test('/req/core/f-op, f-success, f-links: one feature, with `self` and `collection`', async () => {
    const answer = await get('/collections/places/items/8');
    assert.deepEqual(
      [answer.status, answer.type, answer.body.type, answer.body.id],
      [200, 'application/geo+json', 'Feature', 8],
    );
    assert.equal(linkOf(answer.body, 'self')?.type, 'application/geo+json');
    assert.equal((await get(linkOf(answer.body, 'collection')?.href ?? '')).body.id, 'places');
    const { links: _links, ...feature } = answer.body;
    assert.deepEqual(feature, featuresOf(await items('?size=7'))[0]);
    const grid = featuresOf(await items('', 'h3.grids'))[0];
    assert.equal((await get(`/collections/h3.grids/items/${encodeURIComponent(String(grid?.id))}`)).body.id, grid?.id);
  });
});
