import { type ProgramOutput, program } from './program.ts';

/** GDAL's own programs, as a second opinion on what this project made with the library. */
type GdalProgram = 'gdalinfo' | 'gdalwarp' | 'gdal_translate' | 'gdaladdo' | 'gdalbuildvrt' | 'ogrinfo' | 'ogr2ogr';

export function gdalCli(name: GdalProgram, args: readonly string[]): Promise<ProgramOutput> {
  return program(name, args);
}

/** What `gdalinfo -json` says of a file; `options` go before it, e.g. `-stats` or `-checksum`. */
export async function gdalinfo(file: string, options: readonly string[] = []): Promise<GdalInfo> {
  const { stdout } = await gdalCli('gdalinfo', ['-json', ...options, file]);
  return JSON.parse(stdout) as GdalInfo;
}

/** The parts of gdalinfo's JSON that tests look at. */
export interface GdalInfo {
  readonly driverShortName: string;
  readonly size: readonly [number, number];
  readonly geoTransform?: readonly number[];
  readonly coordinateSystem?: { readonly wkt: string };
  readonly metadata: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly bands: readonly GdalInfoBand[];
}

export interface GdalInfoBand {
  readonly band: number;
  readonly block: readonly [number, number];
  readonly type: string;
  readonly colorInterpretation: string;
  readonly noDataValue?: number | 'NaN';
  readonly offset?: number;
  readonly scale?: number;
  readonly description?: string;
  readonly checksum?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly overviews?: readonly { readonly size: readonly [number, number] }[];
  readonly colorTable?: { readonly count: number; readonly entries: readonly (readonly number[])[] };
  readonly mask?: { readonly flags: readonly string[] };
  readonly metadata: Readonly<Record<string, Readonly<Record<string, string>>>>;
}
