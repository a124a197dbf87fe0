import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { MemoryProbe } from '../../src/cli/bench/memory.ts';
import { gdalCli, gdalinfo } from '../tools/gdal-cli.ts';
import { writeRaster } from '../tools/gdal-files.ts';
import { assertSeamless, largeJobs, type Tiled, type TiledCog } from '../tools/large-raster.ts';

const jobs = await largeJobs();
const path = (name: string) => join(jobs.stack.folder, name);
const side = 20_000;
const unit = 1000;
/** Pixels around a corner that are compared. */
const around = 256;
const mostMiB = 1536;

const bands = [1, 2, 3];

/** Three bands of 400 megapixels, 1.2 GB without compression: one picture side by side, which keeps the file small. */
async function makeSource(): Promise<string> {
  const [picture, whole, file] = [path('picture.tif'), path('whole.vrt'), path('large.tif')];
  const value = (x: number, y: number, band: number) =>
    Math.round(120 + 60 * Math.sin(x / 40 + band) * Math.cos(y / 25));
  const options = ['PHOTOMETRIC=RGB'];
  writeRaster(picture, { width: unit, height: unit, bands: bands.length, pixel: 1, value, options });
  const { coordinateSystem } = await gdalinfo(picture);
  await writeFile(whole, sideBySide(picture, coordinateSystem?.wkt ?? ''));
  const packing = ['TILED=YES', 'COMPRESS=DEFLATE', 'ZLEVEL=1'].flatMap((option) => ['-co', option]);
  await gdalCli('gdal_translate', ['-q', ...packing, whole, file]);
  return file;
}

/** A VRT of the picture, repeated over the whole raster. */
function sideBySide(picture: string, wkt: string): string {
  const places = Array.from({ length: side / unit }, (_, index) => index * unit);
  const bandsXml = bands.map((band) => {
    const sources = places.flatMap((y) =>
      places.map(
        (x) => `<SimpleSource><SourceFilename>${picture}</SourceFilename><SourceBand>${band}</SourceBand>
          <DstRect xOff="${x}" yOff="${y}" xSize="${unit}" ySize="${unit}"/></SimpleSource>`,
      ),
    );
    const color = ['Red', 'Green', 'Blue'][band - 1];
    return `<VRTRasterBand dataType="Byte" band="${band}"><ColorInterp>${color}</ColorInterp>${sources.join('')}</VRTRasterBand>`;
  });
  return `<VRTDataset rasterXSize="${side}" rasterYSize="${side}"><SRS>${wkt}</SRS>
    <GeoTransform>500000, 1, 0, 5400000, 0, -1</GeoTransform>${bandsXml.join('')}</VRTDataset>`;
}

interface Corner {
  readonly column: number;
  readonly row: number;
}

/** Where four tiles meet, in pixels of the grid. */
function cornersOf({ scheme }: Tiled): Corner[] {
  const { grid, tile_size: size } = scheme.tiling;
  const inside = (length: number) =>
    Array.from({ length: Math.ceil(length / size) - 1 }, (_, index) => (index + 1) * size);
  return inside(grid.width).flatMap((column) => inside(grid.height).map((row) => ({ column, row })));
}

/** The job's tiles around a corner, and their grid: as if they were all that was made. */
async function cutOut(tiled: Tiled, { column, row }: Corner): Promise<Tiled> {
  const { scheme } = tiled;
  const { grid } = scheme.tiling;
  const [left, top] = [grid.left + (column - around) * grid.dx, grid.top - (row - around) * grid.dy];
  const [width, height] = [2 * around, 2 * around];
  const cogs: TiledCog[] = [];
  for (const cog of tiled.cogs) {
    const { geoTransform = [], size } = await gdalinfo(cog.file);
    const [west = 0, , , north = 0] = geoTransform;
    const first = [Math.round((west - grid.left) / grid.dx), Math.round((grid.top - north) / grid.dy)] as const;
    const [x, y] = [Math.max(column - around - first[0], 0), Math.max(row - around - first[1], 0)];
    const right = Math.min(column + around - first[0], size[0]);
    const bottom = Math.min(row + around - first[1], size[1]);
    if (right <= x || bottom <= y) continue;
    const file = path(`${column}-${row}-${cog.id}.tif`);
    const cut = ['-srcwin', ...[x, y, right - x, bottom - y].map(String)];
    const mask = ['--config', 'GDAL_TIFF_INTERNAL_MASK', 'YES'];
    await gdalCli('gdal_translate', ['-q', ...mask, ...cut, cog.file, file]);
    cogs.push({ ...cog, file });
  }
  const part = { ...grid, left, top, width, height };
  return { ...tiled, cogs, scheme: { ...scheme, tiling: { ...scheme.tiling, grid: part } } };
}

/** The same pixels as gdalwarp makes them, with the kernel of a warp of the whole in one chunk. */
async function warpAround(source: string, { scheme }: Tiled): Promise<string> {
  const { grid, scale } = scheme.tiling;
  const { left, top, dx, dy, width, height } = grid;
  const extent = [left, top - height * dy, left + width * dx, top].map(String);
  const [across, down] = scale;
  const kernel = ['-wo', `XSCALE=${across}`, '-wo', `YSCALE=${down}`, '-wo', 'SOURCE_EXTRA=16'];
  const output = path('around.tif');
  const size = ['-te', ...extent, '-ts', String(width), String(height)];
  const how = ['-t_srs', 'EPSG:4326', '-r', 'cubic', '-dstalpha', '-et', '0', ...kernel];
  await gdalCli('gdalwarp', ['-q', '-overwrite', ...how, ...size, source, output]);
  return output;
}

test('20,000 x 20,000 RGB: seamless where four tiles meet, in bounded memory', { timeout: 1_500_000 }, async (t) => {
  const source = await makeSource();
  const memory = new MemoryProbe([process.pid]);
  const tiled = await jobs.tile(source, { raster_type: 'rgb' }).finally(() => memory.stop());
  assert.equal(tiled.status, 'completed');
  const corners = cornersOf(tiled);
  assert.ok(corners.length >= 2, `${corners.length} corners`);
  for (const corner of corners) {
    const cut = await cutOut(tiled, corner);
    assert.equal(cut.cogs.length, 4, `tiles at ${corner.column}, ${corner.row}`);
    await assertSeamless(cut, await warpAround(source, cut), true);
  }
  t.diagnostic(`${tiled.cogs.length} tiles, ${corners.length} corners, at most ${memory.stop()} MiB`);
  assert.ok(memory.stop() < mostMiB, `${memory.stop()} MiB`);
});
