import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StacItem } from '../../core/ports/catalogue.ts';
import { bandNames, bandObjects } from '../../handlers/stac/bands.ts';
import { headerSize } from '../../handlers/stac/cog-header.ts';
import { derivedItemId } from '../../handlers/stac/item-id.ts';
import { itemRender } from '../../handlers/stac/item-render.ts';
import { mediaTypeByName, mediaTypeOf } from '../../handlers/stac/media-types.ts';
import type { BandFacts } from '../../handlers/stac/raster-facts.ts';
import { percentile, sampleStatistics, sortedValues } from '../../handlers/stac/sample.ts';

const band: BandFacts = {
  type: 'Float32',
  color: 'Undefined',
  description: null,
  nodata: null,
  unit: null,
  scale: null,
  offset: null,
  colorTable: null,
  allValid: true,
  statistics: null,
  metadata: {},
};

test('nodata that JSON has no number for is spelled', () => {
  const spelled = [Number.NaN, Infinity, -Infinity, -9999, null].map((nodata) => {
    return bandObjects([{ ...band, nodata }], [null]).bands[0]?.nodata;
  });
  assert.deepEqual(spelled, ['nan', 'inf', '-inf', -9999, undefined]);
});

test('scale and offset, unit and description are passed on where they are given', () => {
  const rich = { ...band, type: 'Int16', description: 'height', unit: 'm', scale: 0.1, offset: -5 };
  const statistics = { minimum: 1, maximum: 3, mean: 2, stddev: 0.5 };
  assert.deepEqual(bandObjects([rich], [statistics]), {
    bands: [{ name: 'b1', description: 'height', data_type: 'int16', unit: 'm', statistics }],
    'raster:bands': [{ data_type: 'int16', unit: 'm', statistics, scale: 0.1, offset: -5 }],
  });
});

test('bands are called by their colour where it is theirs alone', () => {
  const of = (...colors: string[]) => bandNames(colors.map((color) => ({ ...band, color })));
  assert.deepEqual(of('Red', 'Green', 'Blue', 'Alpha'), ['red', 'green', 'blue', 'alpha']);
  assert.deepEqual(of('Gray', 'Undefined', 'Red', 'Red'), ['b1', 'b2', 'b3', 'b4']);
});

test('item ids are readable, safe, and different for different places', () => {
  const id = (collection: string, name: string, container = 'silver-cogs') =>
    derivedItemId(collection, { container, name });
  assert.match(id('c', 'scenes/a_cog_analysis.tif'), /^scenes-a_cog_analysis-[0-9a-f]{10}$/);
  assert.match(id('c', 'größe/日本 100%.tif'), /^gro-e-100-[0-9a-f]{10}$|^[A-Za-z0-9._-]+$/);
  assert.match(id('c', '日本.tif'), /^[0-9a-f]{10}$/);
  assert.match(id('c', '../../etc/passwd'), /^[A-Za-z0-9][A-Za-z0-9._-]+$/);
  assert.ok(id('c', `${'x'.repeat(1000)}.tif`).length < 120);
  const places = [
    id('c', 'a/b.tif'),
    id('c', 'a-b.tif'),
    id('d', 'a/b.tif'),
    id('c', 'a/b.tif', 'other'),
    id('c', 'a/b.tiff'),
  ];
  assert.equal(new Set(places).size, places.length);
  assert.equal(id('c', 'a/b.tif'), id('c', 'a/b.tif'));
});

test('media types by driver and layout, or by name', () => {
  assert.equal(
    mediaTypeOf({ driver: 'GTiff', isCog: true }),
    'image/tiff; application=geotiff; profile=cloud-optimized',
  );
  assert.equal(mediaTypeOf({ driver: 'GTiff', isCog: false }), 'image/tiff; application=geotiff');
  assert.equal(mediaTypeOf({ driver: 'HFA', isCog: false }), 'application/octet-stream');
  assert.equal(mediaTypeByName('a/B.JP2'), 'image/jp2');
  assert.equal(mediaTypeByName('a.tif/b'), 'application/octet-stream');
});

test('statistics and percentiles are those of the valid, finite pixels', () => {
  const values = Float32Array.from({ length: 204 }, (_, pixel) => (pixel < 101 ? pixel : 1e6));
  values[203] = Number.NaN;
  const mask = Uint8Array.from(values, (_, pixel) => (pixel < 101 || pixel === 203 ? 255 : 0));
  const sample = { width: 204, height: 1, numbers: [4], bands: [values], mask };
  const { stddev, ...exact } = sampleStatistics(sample, 4) ?? { stddev: 0 };
  assert.deepEqual(exact, { minimum: 0, maximum: 100, mean: 50, valid_percent: 49.51 });
  assert.ok(Math.abs(stddev - Math.sqrt(850)) < 1e-9);
  assert.equal(percentile(sortedValues(sample, 4), 0.02), 2);
  const nothing = { ...sample, mask: new Uint8Array(204) };
  assert.equal(sampleStatistics(nothing, 4), null);
  assert.ok(Number.isNaN(percentile(sortedValues(nothing, 4), 0.5)));
});

test('what is no TIFF has no header size', async () => {
  const read = (text: string) => async (offset: number, length: number) =>
    Buffer.from(text).subarray(offset, offset + length);
  assert.equal(await headerSize(read('')), null);
  assert.equal(await headerSize(read('this is not a TIFF at all, only text')), null);
  // A directory that lies behind the file's end.
  assert.equal(await headerSize(read('II*\0\xff\xff\xff\x7f and no more than that')), null);
});

test('how an item is drawn is read back from it, and anything else is left out', () => {
  const of = (render: unknown) => itemRender({ properties: { renders: { default: render } } } as unknown as StacItem);
  const none = { bands: undefined, rescale: undefined, colormapName: undefined };
  assert.deepEqual(of({ assets: ['data'], bidx: [3, 2, 1], rescale: [[0, 1]], colormap_name: 'terrain' }), {
    bands: [3, 2, 1],
    rescale: [[0, 1]],
    colormapName: 'terrain',
  });
  assert.deepEqual(of({ bidx: 'x', rescale: 3 }), none);
  assert.deepEqual(of(undefined), none);
  assert.deepEqual(itemRender({} as unknown as StacItem), none);
});
