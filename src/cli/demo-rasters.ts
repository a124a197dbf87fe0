import { mkdir } from 'node:fs/promises';
import { basename, join, parse, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import gdal from 'gdal-async';
import type { JsonObject } from '../../core/json.ts';

export interface DemoRaster {
  readonly title: string;
  readonly file: string;
  readonly parameters: JsonObject;
  /** Where its blob and what is made of it lie, so that rasters of the same name do not replace each other; '': at the top. */
  readonly folder: string;
}

const samples = new URL('../../test/fixtures/samples/', import.meta.url);

/** The demo's own rasters; the Blue Marble is a plain JPEG and gets its georeference first. */
export async function prepareSamples(): Promise<DemoRaster[]> {
  return [
    {
      title: 'Blue Marble, NASA (RGB, whole Earth) -> a COG to look at',
      file: await georeferencedBlueMarble(),
      parameters: { output_tier: 'visualization' },
      folder: '',
    },
    {
      title: 'Landsat 7 ETM+, Olinda, Brazil (6 bands, UTM 25S) -> a COG for analysis',
      file: sample('L7_ETMs.tif'),
      parameters: { output_tier: 'analysis' },
      folder: '',
    },
    {
      title: 'Elevation (SRTM), Olinda, Brazil (float32, UTM 25S) -> a COG for analysis',
      file: sample('olinda_dem_utm25s.tif'),
      parameters: { output_tier: 'analysis' },
      folder: '',
    },
  ];
}

/** A number of its own is the folder of each file whose name, but for the extension, another has too. */
export function userRasters(files: readonly string[]): DemoRaster[] {
  // In lower case: on some systems the same file.
  const stems = files.map((file) => parse(file).name.toLowerCase());
  return files.map((file, index) => ({
    title: basename(file),
    file: resolve(file),
    parameters: {},
    folder: stems.filter((stem) => stem === stems[index]).length > 1 ? String(index + 1) : '',
  }));
}

async function georeferencedBlueMarble(): Promise<string> {
  await mkdir('.cache/demo', { recursive: true });
  const target = join('.cache', 'demo', 'earth-blue-marble.tif');
  const source = await gdal.openAsync(sample('earth-blue-marble.jpg'));
  const flags = ['-a_srs', 'EPSG:4326', '-a_ullr', '-180', '90', '180', '-90', '-co', 'TILED=YES'];
  const written = await gdal.translateAsync(target, source, flags);
  written.close();
  source.close();
  return resolve(target);
}

function sample(name: string): string {
  return fileURLToPath(new URL(name, samples));
}
