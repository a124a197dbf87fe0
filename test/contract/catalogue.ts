import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { CoreMachineError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import type { Catalogue, StacCollection, StacItem } from '../../core/ports/catalogue.ts';

export interface CatalogueSuite {
  /** A new view of the same catalogue, as another process would have it. */
  readonly open: () => Promise<Catalogue>;
  /** False where the server has one connection: writers then wait for each other. */
  readonly concurrent: boolean;
}

const fixtures = new URL('../fixtures/stac/', import.meta.url);

/** What every implementation of the catalogue port promises. */
export function catalogueSuite(name: string, { open, concurrent }: CatalogueSuite): void {
  const check = (what: string, run: (catalogue: Catalogue) => Promise<void>) =>
    test(`${name}: ${what}`, async () => run(await open()));

  check('a collection is created once, replaced by upsert, and absent ones are null', async (catalogue) => {
    const first = collection('made-once', { title: 'first' });
    assert.equal(await catalogue.getCollection('made-once'), null);
    assert.equal(await catalogue.ensureCollection(first), true);
    assert.equal(await catalogue.ensureCollection(collection('made-once', { title: 'second' })), false);
    assert.deepEqual(await catalogue.getCollection('made-once'), first);
    const third = collection('made-once', { title: 'third' });
    await catalogue.upsertCollection(third);
    assert.deepEqual(await catalogue.getCollection('made-once'), third);
  });

  check('twenty processes that create one collection at once create it once', async (catalogue) => {
    const one = collection('made-by-many');
    const created = await Promise.all(Array.from({ length: 20 }, () => catalogue.ensureCollection(one)));
    assert.equal(created.filter(Boolean).length, 1);
  });

  check('a hundred real items come back as they went in', async (catalogue) => {
    const { items } = await withNaip(catalogue, 'naip-round-trip');
    const outcome = await catalogue.upsertItems('naip-round-trip', items);
    assert.deepEqual(outcome, { stored: items.map(({ id }) => id), missing: [] });
    for (const item of items) assert.deepEqual(await catalogue.getItem('naip-round-trip', item.id), item);
    const wanted = items.slice(0, 7).map(({ id }) => id);
    const found = await catalogue.getItems('naip-round-trip', [...wanted, 'absent']);
    assert.deepEqual(new Map(found.map((item) => [item.id, item])), new Map(items.slice(0, 7).map((i) => [i.id, i])));
    assert.deepEqual(await catalogue.getItems('absent', wanted), []);
    assert.equal(await catalogue.getItem('naip-round-trip', 'absent'), null);
    assert.equal(await catalogue.getItem('absent', items[0]?.id ?? ''), null);
  });

  check('an item written twice is there once, with its second content', async (catalogue) => {
    const [item] = (await withNaip(catalogue, 'naip-twice')).items;
    assert.ok(item);
    await catalogue.upsertItems('naip-twice', [item]);
    const second = { ...item, properties: { ...(item.properties as JsonObject), note: 'second' } };
    // The same id twice in one call: the last one counts.
    assert.deepEqual((await catalogue.upsertItems('naip-twice', [item, second])).stored, [item.id]);
    assert.deepEqual(await catalogue.getItem('naip-twice', item.id), second);
    assert.equal((await features(catalogue, { collections: ['naip-twice'] })).length, 1);
  });

  check('an item with a time span keeps its null datetime', async (catalogue) => {
    await catalogue.ensureCollection(collection('spans'));
    const span = { datetime: null, start_datetime: '2020-01-01T00:00:00Z', end_datetime: '2020-03-01T00:00:00Z' };
    const item = { ...point('spans', 'quarter', 10, 50), properties: span };
    await catalogue.upsertItems('spans', [item]);
    assert.deepEqual(await catalogue.getItem('spans', 'quarter'), item);
    assert.deepEqual(await ids(catalogue, { collections: ['spans'], datetime: '2020-02-01T00:00:00Z' }), ['quarter']);
    assert.deepEqual(await ids(catalogue, { collections: ['spans'], datetime: '2020-03-02T00:00:00Z/..' }), []);
  });

  check('search by collection, id, box, geometry and time finds what plain arithmetic finds', async (catalogue) => {
    const { items } = await withNaip(catalogue, 'naip-search');
    await withNaip(catalogue, 'naip-elsewhere').then(({ items: other }) =>
      catalogue.upsertItems('naip-elsewhere', other.slice(0, 10)),
    );
    await catalogue.upsertItems('naip-search', items);
    const found = (body: JsonObject) => ids(catalogue, { collections: ['naip-search'], limit: 1000, ...body });
    const expected = (keep: (item: StacItem) => boolean) =>
      items
        .filter(keep)
        .map(({ id }) => id)
        .sort();

    assert.deepEqual(
      await found({}),
      expected(() => true),
    );
    assert.equal((await found({ limit: 7 })).length, 7);
    const some = items.slice(3, 6).map(({ id }) => id);
    assert.deepEqual(await found({ ids: [...some, 'absent'] }), [...some].sort());
    assert.deepEqual(
      await found({ datetime: '2011-08-01T00:00:00Z/2011-08-20T00:00:00Z' }),
      expected((item) => timeOf(item) >= '2011-08-01' && timeOf(item) <= '2011-08-20T00:00:00Z'),
    );
    assert.deepEqual(
      await found({ datetime: '2011-08-20T00:00:00Z/..' }),
      expected((item) => timeOf(item) >= '2011-08-20'),
    );
    const bbox = [-86, 30.9, -85.6, 31];
    const inBox = await found({ bbox });
    assert.ok(inBox.length > 0 && inBox.length < items.length, `${inBox.length} items in the box`);
    assert.deepEqual(
      inBox,
      expected((item) => boxesMeet(item.bbox, bbox)),
    );
    assert.deepEqual(await found({ intersects: rectangle(bbox) }), inBox);
    assert.deepEqual(await found({ bbox: [10, 50, 11, 51] }), []);
    assert.deepEqual(await found({ bbox, datetime: '2001-01-01T00:00:00Z' }), []);
  });

  check('newest items come first', async (catalogue) => {
    const { items } = await withNaip(catalogue, 'naip-order');
    await catalogue.upsertItems('naip-order', items);
    const times = (await features(catalogue, { collections: ['naip-order'], limit: 50 })).map(timeOf);
    assert.equal(times.length, 50);
    assert.deepEqual(times, [...times].sort().reverse());
  });

  check('ids with quotes, braces, colons, percent signs and any script are just ids', async (catalogue) => {
    const hostile = [
      `it's`,
      '"quoted"',
      `'; DROP TABLE items; --`,
      '{a,b}',
      '100%',
      'a:b',
      'back\\slash',
      'Grüße 日本 🌍',
      '$1',
    ];
    for (const id of hostile.slice(0, 4).concat('Grüße 日本 🌍')) {
      await catalogue.ensureCollection(collection(id));
      const items = hostile.map((itemId, index) => point(id, itemId, 10 + index, 50));
      assert.deepEqual(await catalogue.upsertItems(id, items), { stored: hostile, missing: [] });
      assert.deepEqual(await catalogue.upsertItems(id, items), { stored: hostile, missing: [] });
      for (const item of items) assert.deepEqual(await catalogue.getItem(id, item.id), item);
      assert.deepEqual(await ids(catalogue, { collections: [id], ids: hostile, limit: 50 }), [...hostile].sort());
      assert.deepEqual(await ids(catalogue, { collections: [id], bbox: [9.5, 49, 10.5, 51] }), [hostile[0]]);
      await catalogue.refreshExtent(id);
      assertCovers(await catalogue.getCollection(id), [10, 50, 10 + hostile.length - 1, 51]);
    }
  });

  check('the extent covers all items, keeps what was declared, and stays when nothing is new', async (catalogue) => {
    const start = collection('growing', { note: 'kept' }, [10, 50, 11, 51]);
    await catalogue.ensureCollection(start);
    await catalogue.refreshExtent('growing');
    assert.deepEqual(await catalogue.getCollection('growing'), start);
    await catalogue.upsertItems('growing', [point('growing', 'west', -20, 40, '2001-01-01T00:00:00Z')]);
    await catalogue.refreshExtent('growing');
    assertCovers(await catalogue.getCollection('growing'), [-20, 40, 11, 51]);
    await catalogue.upsertItems('growing', [point('growing', 'east', 30, 60, '2031-01-01T00:00:00Z')]);
    await catalogue.refreshExtent('growing');
    const grown = await catalogue.getCollection('growing');
    assertCovers(grown, [-20, 40, 30, 60]);
    assert.deepEqual(temporal(grown), ['2001-01-01T00:00:00.000Z', '2031-01-01T00:00:00.000Z']);
    assert.equal(grown?.note, 'kept');
    await catalogue.refreshExtent('growing');
    assert.deepEqual(await catalogue.getCollection('growing'), grown);
  });

  check('ids are listed by how they begin, and deleted ones are gone', async (catalogue) => {
    await catalogue.ensureCollection(collection('listed'));
    const names = ['a-tile-0002', 'a-tile-0001', 'a_tile-0003', 'a%tile', 'B'];
    await catalogue.upsertItems(
      'listed',
      names.map((name, index) => point('listed', name, 10 + index, 50)),
    );
    assert.deepEqual(await catalogue.itemIds('listed', 'a-tile-'), ['a-tile-0001', 'a-tile-0002']);
    assert.deepEqual(await catalogue.itemIds('listed', 'a%'), ['a%tile']);
    assert.deepEqual(await catalogue.itemIds('listed', ''), [...names].sort());
    assert.deepEqual(await catalogue.itemIds('absent', ''), []);
    await catalogue.deleteItems('listed', ['a-tile-0001', 'a%tile', 'never there']);
    await catalogue.deleteItems('listed', []);
    assert.deepEqual(await catalogue.itemIds('listed', ''), ['B', 'a-tile-0002', 'a_tile-0003']);
    assert.equal(await catalogue.getItem('listed', 'a-tile-0001'), null);
  });

  check('the same search has the same id, another body or metadata another', async (catalogue) => {
    await catalogue.ensureCollection(collection('searched'));
    const body = { collections: ['searched'], bbox: [1, 2, 3, 4] };
    const metadata = { name: 'a mosaic', minzoom: 3, maxzoom: 12, assets: ['data'] };
    const id = await catalogue.registerSearch(body, metadata);
    assert.match(id, /^[0-9a-f]{32}/);
    const reordered = { bbox: [1, 2, 3, 4], collections: ['searched'] };
    assert.equal(await (await open()).registerSearch(reordered, { ...metadata }), id);
    assert.notEqual(await catalogue.registerSearch({ ...body, bbox: [1, 2, 3, 5] }, metadata), id);
    assert.notEqual(await catalogue.registerSearch(body, { ...metadata, minzoom: 4 }), id);
  });

  check(
    'items of an unknown collection and malformed items are refused, and nothing of the call stays',
    async (catalogue) => {
      const failed = (error: unknown) => error instanceof CoreMachineError && error.code === 'CATALOGUE_FAILED';
      await assert.rejects(catalogue.upsertItems('nowhere', [point('nowhere', 'a', 1, 1)]), failed);
      await catalogue.ensureCollection(collection('half'));
      const timeless = { ...point('half', 'timeless', 1, 1), properties: {} };
      await assert.rejects(catalogue.upsertItems('half', [point('half', 'good', 1, 1), timeless]), failed);
      await assert.rejects(catalogue.upsertItems('half', [point('other', 'stray', 1, 1)]), failed);
      await assert.rejects(catalogue.refreshExtent('nowhere'), failed);
      assert.deepEqual(await ids(catalogue, { collections: ['half'] }), []);
    },
  );

  check('writers of one collection, of many, and searches at the same time lose nothing', async (catalogue) => {
    const { items } = await withNaip(catalogue, 'crowd-0');
    const others = concurrent ? ['crowd-1', 'crowd-2', 'crowd-3', 'crowd-4', 'crowd-5'] : ['crowd-1'];
    for (const id of others) await withNaip(catalogue, id);
    const writers = ['crowd-0', 'crowd-0', 'crowd-0', ...others];
    const writes = writers.map(async (id, writer) => {
      const mine = await open();
      for (let part = 0; part < 3; part += 1) {
        const batch = items.slice(part * 5, part * 5 + 5).map((item) => renamed(item, id, `${writer}-${item.id}`));
        assert.equal((await mine.upsertItems(id, batch)).missing.length, 0);
      }
      await mine.refreshExtent(id);
    });
    const searches = Array.from({ length: concurrent ? 10 : 2 }, async () =>
      features(await open(), { bbox: [-90, 20, -80, 40] }),
    );
    await Promise.all([...writes, ...searches]);
    for (const id of new Set(writers)) {
      const expected = writers.flatMap((target, writer) =>
        target === id ? items.slice(0, 15).map((item) => `${writer}-${item.id}`) : [],
      );
      assert.deepEqual(await ids(catalogue, { collections: [id], limit: 1000 }), expected.sort());
    }
  });
}

/** The real collection under another name, created, and its hundred items as its own. */
async function withNaip(catalogue: Catalogue, id: string): Promise<{ items: StacItem[] }> {
  const [real] = lines<StacCollection>('naip-collection.ndjson');
  assert.ok(real);
  await catalogue.ensureCollection({ ...real, type: 'Collection', id });
  return { items: lines<StacItem>('naip-items.ndjson').map((item) => renamed(item, id, item.id)) };
}

function lines<T>(file: string): T[] {
  const text = readFileSync(new URL(file, fixtures), 'utf8');
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as T);
}

function renamed(item: StacItem, collectionId: string, id: string): StacItem {
  return { ...item, id, collection: collectionId };
}

function collection(id: string, more: JsonObject = {}, box: readonly number[] = [10, 50, 11, 51]): StacCollection {
  const extent = {
    spatial: { bbox: [box] },
    temporal: { interval: [['2020-01-01T00:00:00Z', '2020-01-01T00:00:00Z']] },
  };
  return {
    type: 'Collection',
    id,
    stac_version: '1.1.0',
    description: id,
    license: 'other',
    extent,
    links: [],
    ...more,
  };
}

function point(collectionId: string, id: string, x: number, y: number, datetime = '2020-01-01T00:00:00Z'): StacItem {
  return {
    type: 'Feature',
    stac_version: '1.1.0',
    id,
    collection: collectionId,
    geometry: { type: 'Point', coordinates: [x, y] },
    bbox: [x, y, x, y],
    properties: { datetime },
    links: [],
    assets: {},
  };
}

async function features(catalogue: Catalogue, body: JsonObject): Promise<JsonObject[]> {
  const found = await catalogue.search(body);
  assert.equal(found.type, 'FeatureCollection');
  return [...(found.features as readonly JsonObject[])];
}

async function ids(catalogue: Catalogue, body: JsonObject): Promise<string[]> {
  return (await features(catalogue, body)).map(({ id }) => String(id)).sort();
}

function timeOf(item: JsonObject): string {
  return String((item.properties as JsonObject).datetime);
}

/** The NAIP footprints are so nearly upright that box against box decides as footprint against box does. */
function boxesMeet([w = 0, s = 0, e = 0, n = 0]: readonly number[], box: readonly number[]): boolean {
  const [west = 0, south = 0, east = 0, north = 0] = box;
  return w <= east && e >= west && s <= north && n >= south;
}

function rectangle([w = 0, s = 0, e = 0, n = 0]: readonly number[]): JsonObject {
  return {
    type: 'Polygon',
    coordinates: [
      [
        [w, s],
        [e, s],
        [e, n],
        [w, n],
        [w, s],
      ],
    ],
  };
}

/** pgSTAC rounds a partition's extent outwards to single precision. */
function assertCovers(stored: StacCollection | null, expected: readonly number[]): void {
  const { extent } = stored as unknown as { extent: { spatial: { bbox: number[][] } } };
  const [box = []] = extent.spatial.bbox;
  const [w = 0, s = 0, e = 0, n = 0] = box;
  const [west = 0, south = 0, east = 0, north = 0] = expected;
  assert.ok(w <= west && s <= south && e >= east && n >= north, `${box} covers ${expected}`);
  for (const [index, value] of box.entries())
    assert.ok(Math.abs(value - (expected[index] ?? 0)) < 1e-4, `${box} is ${expected}`);
}

function temporal(stored: StacCollection | null): unknown {
  const { extent } = stored as unknown as { extent: { temporal: { interval: unknown[] } } };
  return extent.temporal.interval[0];
}
