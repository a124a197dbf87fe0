import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TitilerDialect } from '../../core/services.ts';
import { ogcFeaturesUrl, ogcItemsUrl } from '../../handlers/links/ogc-features-urls.ts';
import { itemUrls, searchUrls } from '../../handlers/links/titiler-urls.ts';

const base = 'https://t.example';
const settings = (titilerDialect: TitilerDialect) => ({ titilerBaseUrl: base, titilerDialect });
const item = { collectionId: 'scenes', itemId: 'a-1' };
const place = `${base}/collections/scenes/items/a-1`;
const drawn = {
  ...item,
  render: {
    bands: [3, 2, 1],
    rescale: [
      [0, 3000],
      [-1.5, 2e21],
      [5, 6],
    ] as const,
    colormapName: 'terrain',
  },
};

test('an item in dialect 3, drawn as it is', () => {
  assert.deepEqual(itemUrls(settings('3'), item), {
    share_url: `${place}/WebMercatorQuad/map.html?assets=data`,
    titiler_urls: {
      viewer_url: `${place}/WebMercatorQuad/map.html?assets=data`,
      tilejson_url: `${place}/WebMercatorQuad/tilejson.json?assets=data`,
      tiles_url: `${place}/tiles/WebMercatorQuad/{z}/{x}/{y}?assets=data`,
      preview_url: `${place}/preview.png?max_size=512&assets=data`,
      thumbnail_url: `${place}/preview.png?max_size=256&assets=data`,
      info_url: `${place}/info?assets=data`,
      bounds_url: null,
      statistics_url: `${place}/statistics?assets=data`,
    },
  });
});

test('the viewer has a new name since 1.8, and bounds are gone since 2', () => {
  const seen = (['1.5', '1.8', '2', '3'] as const).map((dialect) => {
    const { viewer_url, bounds_url } = itemUrls(settings(dialect), item).titiler_urls;
    return [dialect, viewer_url, bounds_url];
  });
  assert.deepEqual(seen, [
    ['1.5', `${place}/WebMercatorQuad/map?assets=data`, `${place}/bounds?assets=data`],
    ['1.8', `${place}/WebMercatorQuad/map.html?assets=data`, `${place}/bounds?assets=data`],
    ['2', `${place}/WebMercatorQuad/map.html?assets=data`, null],
    ['3', `${place}/WebMercatorQuad/map.html?assets=data`, null],
  ]);
});

test('bands are chosen behind the asset in 3, beside it before', () => {
  const tail = 'rescale=0,3000&rescale=-1.5,2e%2B21&rescale=5,6&colormap_name=terrain';
  for (const dialect of ['1.5', '1.8', '2'] as const) {
    const { tiles_url } = itemUrls(settings(dialect), drawn).titiler_urls;
    assert.equal(tiles_url, `${place}/tiles/WebMercatorQuad/{z}/{x}/{y}?assets=data&asset_bidx=data%7C3,2,1&${tail}`);
  }
  const { tiles_url, preview_url } = itemUrls(settings('3'), drawn).titiler_urls;
  assert.equal(tiles_url, `${place}/tiles/WebMercatorQuad/{z}/{x}/{y}?assets=data%7Cbidx%3D3,2,1&${tail}`);
  assert.equal(preview_url, `${place}/preview.png?max_size=512&assets=data%7Cbidx%3D3,2,1&${tail}`);
});

test('a rendering changes pictures, not facts', () => {
  const plain = itemUrls(settings('3'), item).titiler_urls;
  const styled = itemUrls(settings('3'), drawn).titiler_urls;
  assert.equal(styled.info_url, plain.info_url);
  assert.equal(styled.statistics_url, plain.statistics_url);
});

test('a search has a map, tiles and info, and nothing else', () => {
  const prefix = `${base}/searches/0123abcd`;
  assert.deepEqual(searchUrls(settings('2'), { searchId: '0123abcd', render: { rescale: [[0, 1]] } }), {
    share_url: `${prefix}/WebMercatorQuad/map.html?assets=data&rescale=0,1`,
    titiler_urls: {
      viewer_url: `${prefix}/WebMercatorQuad/map.html?assets=data&rescale=0,1`,
      tilejson_url: `${prefix}/WebMercatorQuad/tilejson.json?assets=data&rescale=0,1`,
      tiles_url: `${prefix}/tiles/WebMercatorQuad/{z}/{x}/{y}?assets=data&rescale=0,1`,
      preview_url: null,
      thumbnail_url: null,
      info_url: `${prefix}/info?assets=data`,
      bounds_url: null,
      statistics_url: null,
    },
  });
});

test('names are percent-encoded, placeholders are not', () => {
  const { tiles_url } = itemUrls(settings('3'), { collectionId: 'a/b c', itemId: 'ö?#{z}' }).titiler_urls;
  assert.equal(
    tiles_url,
    `${base}/collections/a%2Fb%20c/items/%C3%B6%3F%23%7Bz%7D/tiles/WebMercatorQuad/{z}/{x}/{y}?assets=data`,
  );
});

test('without a base URL there are no links', () => {
  const { share_url, titiler_urls } = itemUrls({ titilerBaseUrl: null, titilerDialect: '3' }, item);
  assert.equal(share_url, null);
  assert.deepEqual(new Set(Object.values(titiler_urls)), new Set([null]));
});

test('a table is a collection of the feature server under its configured name', () => {
  const table = { schema: 'geo', table: 'roads' };
  const at = (style: 'table' | 'schema.table', url: string | null = base) => ({
    ogcFeaturesBaseUrl: url,
    ogcCollectionIdStyle: style,
    ogcSchemas: ['geo', 'h3'],
  });
  assert.equal(ogcFeaturesUrl(at('table'), table), `${base}/collections/roads`);
  assert.equal(ogcFeaturesUrl(at('schema.table'), table), `${base}/collections/geo.roads`);
  assert.equal(ogcItemsUrl(at('schema.table'), table), `${base}/collections/geo.roads/items`);
  assert.equal(ogcItemsUrl(at('table', null), table), null);
  // Schema geo may have a table of this name too, and then that is `grids`.
  assert.equal(ogcFeaturesUrl(at('table'), { schema: 'h3', table: 'grids' }), `${base}/collections/h3.grids`);
  const hidden = { schema: 'public', table: 'roads' };
  assert.equal(ogcFeaturesUrl(at('table'), hidden), null);
  const all = { ...at('table'), ogcSchemas: ['geo', 'public'] };
  assert.equal(ogcFeaturesUrl(all, hidden), `${base}/collections/public.roads`);
});
