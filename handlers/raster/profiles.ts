import type { GdalCapabilities } from '../../core/ports/gdal.ts';
import type { RasterFacts } from '../stac/raster-facts.ts';
import type { CogTier, RasterType } from './schemas.ts';

/** How overviews are made and pixels are moved, by what the raster shows. */
export interface Resampling {
  readonly overview: 'cubic' | 'average' | 'mode' | 'nearest';
  readonly reproject: 'cubic' | 'bilinear' | 'near';
}

const resamplings: Readonly<Record<RasterType, Resampling>> = {
  rgb: { overview: 'cubic', reproject: 'cubic' },
  rgba: { overview: 'cubic', reproject: 'cubic' },
  dem: { overview: 'average', reproject: 'bilinear' },
  categorical: { overview: 'mode', reproject: 'near' },
  multispectral: { overview: 'average', reproject: 'bilinear' },
  nir: { overview: 'average', reproject: 'bilinear' },
  unknown: { overview: 'average', reproject: 'bilinear' },
};

/** Values of a palette are names: nothing between two of them means anything. */
export function resamplingOf(type: RasterType, facts: Pick<RasterFacts, 'bands'>): Resampling {
  const palette = facts.bands.some(({ colorTable }) => colorTable !== null);
  return palette ? resamplings.categorical : resamplings[type];
}

export interface Compression {
  readonly name: 'JPEG' | 'WEBP' | 'LERC_DEFLATE' | 'DEFLATE' | 'LZW';
  /** 2 for whole numbers, 3 for floating point; null where it does not apply. */
  readonly predictor: 2 | 3 | null;
  /** 1-100 for lossy ones. */
  readonly quality: number | null;
}

/** The compression of a tier, as far as this GDAL has it. */
export function compressionOf(
  tier: CogTier,
  type: RasterType,
  facts: Pick<RasterFacts, 'bands'>,
  gdal: Pick<GdalCapabilities, 'cogCompressions'>,
  quality: number,
): Compression {
  const predictor = predictorOf(facts);
  if (tier === 'visualization') {
    const webp = facts.bands.length === 4 && gdal.cogCompressions.includes('WEBP');
    return { name: webp ? 'WEBP' : 'JPEG', predictor: null, quality };
  }
  if (tier === 'archive') return { name: 'LZW', predictor, quality: null };
  const lerc = type === 'dem' && facts.bands.every((band) => lercTypes.has(band.type));
  if (lerc && gdal.cogCompressions.includes('LERC_DEFLATE')) {
    return { name: 'LERC_DEFLATE', predictor: null, quality: null };
  }
  return { name: 'DEFLATE', predictor, quality: null };
}

/** What LERC knows, exactly with an allowed error of 0. */
const lercTypes = new Set(['Byte', 'UInt16', 'Int16', 'UInt32', 'Int32', 'Float32', 'Float64']);

function predictorOf({ bands }: Pick<RasterFacts, 'bands'>): 2 | 3 | null {
  const type = bands[0]?.type ?? '';
  if (type.startsWith('Float')) return 3;
  // Differences of class numbers compress worse than the numbers: with them lc.tif has 5 % more bytes as DEFLATE and 7 % as
  // LZW, a map of 12 classes in small patches 18 and 33 % (in large ones -6 and 6 %), one of 200 classes 23 and 36 %.
  if (bands.some(({ colorTable }) => colorTable !== null)) return null;
  return 2;
}

export interface ApplicableTiers {
  readonly tiers: readonly CogTier[];
  readonly reason: string | null;
}

/** JPEG and lossy WEBP hold 8-bit pictures only. */
export function applicableTiers(type: RasterType, facts: Pick<RasterFacts, 'bands'>): ApplicableTiers {
  const picture = (type === 'rgb' && facts.bands.length === 3) || (type === 'rgba' && facts.bands.length === 4);
  if (picture && facts.bands.every((band) => band.type === 'Byte')) {
    return { tiers: ['visualization', 'analysis', 'archive'], reason: null };
  }
  const reason = `visualization is for 8-bit RGB and RGBA; this is ${type} with ${facts.bands.length} band(s) of ${facts.bands[0]?.type}`;
  return { tiers: ['analysis', 'archive'], reason };
}

/** Archive copies are rarely read: the cool tier stores them for less and charges for reading. */
export function accessTierOf(tier: CogTier): 'Hot' | 'Cool' {
  return tier === 'archive' ? 'Cool' : 'Hot';
}
