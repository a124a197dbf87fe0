import type {
  CrsDescription,
  GdalCapabilities,
  GdalCommand,
  PixelWindow,
  VectorRequest,
} from '../../core/ports/gdal.ts';
import type { VectorOutcome } from './operations/vector/export-rows.ts';

/** A `GdalCommand` as a child gets it: paths only, the options and credentials travel beside it. */
export type PlainCommand =
  | { readonly tool: 'gdalinfo'; readonly source: string; readonly args: readonly string[] }
  | {
      readonly tool: 'gdalwarp' | 'gdal_translate';
      readonly source: string;
      readonly destination: string;
      readonly args: readonly string[];
    }
  | {
      readonly tool: 'gdalbuildvrt';
      readonly sources: readonly string[];
      readonly destination: string;
      readonly args: readonly string[];
    }
  | Extract<GdalCommand, { tool: 'gdaladdo' | 'pyramid' | 'statistics' | 'geotransform' }>;

export interface PixelRequest {
  readonly path: string;
  readonly width: number;
  readonly height: number;
  readonly bands: readonly number[] | null;
  readonly resampling: string;
  readonly anyValid: boolean;
}

/** What a child can do: input and output of each operation. */
export interface Operations {
  readonly command: { readonly input: PlainCommand; readonly output: null };
  readonly info: {
    readonly input: { readonly path: string; readonly args: readonly string[] };
    /** gdalinfo's JSON as it wrote it. */
    readonly output: string;
  };
  readonly pixels: { readonly input: PixelRequest; readonly output: PixelWindow };
  /** The path of a raster; whether one of a few of its pixels is valid. */
  readonly hasData: { readonly input: string; readonly output: boolean };
  readonly crs: { readonly input: string; readonly output: CrsDescription | null };
  readonly transform: {
    /** x, y of all points one after another. */
    readonly input: { readonly from: string; readonly to: string; readonly points: Float64Array };
    /** The same, NaN for points that fail; null when one of the two systems is unknown. */
    readonly output: Float64Array | null;
  };
  readonly rows: { readonly input: VectorRequest; readonly output: VectorOutcome };
  readonly capabilities: { readonly input: null; readonly output: GdalCapabilities };
}

export type OperationName = keyof Operations;

export interface Request<K extends OperationName = OperationName> {
  readonly id: number;
  readonly operation: K;
  readonly input: Operations[K]['input'];
  /** GDAL configuration options of this operation. May hold credentials: never in an error, a log or a file. */
  readonly config: Readonly<Record<string, string>>;
}

/** One line that GDAL reported: `number` is its CPLE class (cpl_error.h). */
export interface CplReport {
  readonly level: 'error' | 'warning';
  readonly number: number;
  readonly message: string;
}

/**
 * Where an operation failed. `open`: a source could not be opened; `read`: its pixels could not be read; `refused`:
 * this module does not allow the request; `run`: everything else.
 */
export type FailurePhase = 'open' | 'read' | 'refused' | 'run';

export interface Failure {
  readonly phase: FailurePhase;
  readonly message: string;
  /** The source that failed, where one did. */
  readonly path: string | null;
  readonly reports: readonly CplReport[];
}

/** The child's answers. `started` comes first, so that a request to a process found dead can be given to another. */
export type Reply =
  | { readonly type: 'started'; readonly id: number }
  | { readonly type: 'progress'; readonly id: number; readonly fraction: number }
  | {
      readonly type: 'done';
      readonly id: number;
      readonly output: unknown;
      readonly reports: readonly CplReport[];
      readonly usage: Usage;
    }
  | { readonly type: 'failed'; readonly id: number; readonly failure: Failure; readonly usage: Usage };

/** What a child has used up since its start. */
export interface Usage {
  readonly rssMb: number;
  readonly peakRssMb: number;
  /** Lines that GDAL reported; it stops at CPL_MAX_ERROR_REPORTS. */
  readonly reports: number;
}
