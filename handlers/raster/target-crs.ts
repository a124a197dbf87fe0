import sharp from 'sharp';
import { CoreMachineError } from '../../core/errors.ts';
import { isObject } from '../../core/json.ts';
import type { CrsDescription, Gdal } from '../../core/ports/gdal.ts';
import type { Services } from '../../core/services.ts';
import { requireMapCrs, shown } from './source-crs.ts';

/** What a GeoTIFF was seen to hold, by the GDAL that wrote it. */
const held = new WeakMap<Gdal, Set<string>>();

const pixel = { width: 1, height: 1, channels: 3, background: 'black' } as const;

/**
 * The description of a CRS that rasters are warped to: in two dimensions, and one that a GeoTIFF holds. Throws CRS_INVALID.
 */
export async function requireTargetCrs(services: Services, definition: string): Promise<CrsDescription> {
  const { gdal } = services;
  const described = await requireMapCrs(gdal, definition);
  if (!/^(?:PROJCRS|GEOGCRS)\b/.test(described.wkt2) || /CS\[ellipsoidal,3\]/.test(described.wkt2)) {
    throw new CoreMachineError(
      'CRS_INVALID',
      `${shown(definition)} has a height; rasters are warped in two dimensions`,
    );
  }
  const known = held.get(gdal) ?? new Set();
  held.set(gdal, known);
  if (!known.has(definition) && !(await isHeld(services, definition))) {
    throw new CoreMachineError(
      'CRS_INVALID',
      `a GeoTIFF cannot hold the CRS ${shown(definition)}; give another target`,
    );
  }
  known.add(definition);
  return described;
}

/** Tried on one pixel: GDAL writes a GeoTIFF without the CRS then, and says nothing, for projections without a code. */
function isHeld({ gdal, workspace }: Services, definition: string): Promise<boolean> {
  return workspace.use('crs', async (folder) => {
    const [source, destination] = [`${folder}/pixel.png`, `${folder}/pixel.tif`];
    await sharp({ create: pixel }).png().toFile(source);
    // Not in a file beside it: a COG is one file.
    const config = { GDAL_PAM_ENABLED: 'NO' };
    const args = ['-of', 'GTiff', '-a_srs', definition];
    await gdal.run({ tool: 'gdal_translate', source: { path: source, config: {} }, destination, args }, { config });
    const { coordinateSystem } = await gdal.info({ path: destination, config });
    return isObject(coordinateSystem) && Boolean(coordinateSystem.wkt);
  });
}
