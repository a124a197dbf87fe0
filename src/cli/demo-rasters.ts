import { mkdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import gdal from 'gdal-async';
import type { JsonObject } from '../../core/json.ts';

export interface DemoRaster {
  readonly title: string;
  readonly file: string;
  readonly parameters: JsonObject;
}

const samples = new URL('../../test/fixtures/samples/', import.meta.url);

/** The demo's own rasters; the Blue Marble is a plain JPEG and gets its georeference first. */
export async function prepareSamples(): Promise<DemoRaster[]> {
  return [
    {
      title: 'Blue Marble, NASA (RGB, whole Earth) -> a COG to look at',
      file: await georeferencedBlueMarble(),
      parameters: { output_tier: 'visualization' },
    },
    {
      title: 'Landsat 7 ETM+, Olinda, Brazil (6 bands, UTM 25S) -> a COG for analysis',
      file: sample('L7_ETMs.tif'),
      parameters: { output_tier: 'analysis' },
    },
    {
      title: 'Elevation (SRTM), Olinda, Brazil (float32, UTM 25S) -> a COG for analysis',
      file: sample('olinda_dem_utm25s.tif'),
      parameters: { output_tier: 'analysis' },
    },
  ];
}

export function userRaster(file: string): DemoRaster {
  return { title: basename(file), file: resolve(file), parameters: {} };
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
  return new URL(name, samples).pathname;
}
