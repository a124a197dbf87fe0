import gdal from 'gdal-async';
import type { GdalCapabilities } from '../../../core/ports/gdal.ts';

export function describeCapabilities(): GdalCapabilities {
  const options = cogCreationOptions();
  const compressions = /<Option name=['"]COMPRESS['"][^>]*>(.*?)<\/Option>/s.exec(options)?.[1] ?? '';
  return {
    version: gdal.version,
    versionNumber: versionNumber(gdal.version),
    cogCompressions: [...compressions.matchAll(/<Value[^>]*>([^<]+)<\/Value>/g)].map((match) => match[1] ?? ''),
    cogInterleave: /<Option name=['"]INTERLEAVE['"]/.test(options),
    drivers: gdal.drivers.getNames(),
  };
}

function cogCreationOptions(): string {
  const metadata: Record<string, unknown> = gdal.drivers.get('COG').getMetadata();
  return String(metadata.DMD_CREATIONOPTIONLIST ?? '');
}

/** As GDAL_VERSION_NUM (gdal_version.h): 3.6.2 is 3060200. */
function versionNumber(version: string): number {
  const [major = 0, minor = 0, revision = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  return major * 1_000_000 + minor * 10_000 + revision * 100;
}
