import type { JsonObject } from '../json.ts';
import type { VectorWarning } from '../warnings.ts';
import type { GdalSource } from './blob-store.ts';

/** What the installed GDAL can do; probed once at start. */
export interface GdalCapabilities {
  /** e.g. `3.6.2`. */
  readonly version: string;
  readonly versionNumber: number;
  /** Compressors of the COG driver, e.g. `DEFLATE`, `LERC_DEFLATE`. */
  readonly cogCompressions: readonly string[];
  /** True when the COG driver has INTERLEAVE (GDAL >= 3.11). */
  readonly cogInterleave: boolean;
  /** Short names, e.g. `GTiff`, `JP2OpenJPEG`. */
  readonly drivers: readonly string[];
}

/**
 * One GDAL operation as a value: what to run, on what, with which flags. Builders in handlers/ make these, tests
 * compare them, one runner executes them. `args` are the flags of the command-line tool of the same name.
 */
export type GdalCommand =
  | { readonly tool: 'gdalinfo'; readonly source: GdalSource; readonly args: readonly string[] }
  | {
      readonly tool: 'gdalwarp' | 'gdal_translate';
      readonly source: GdalSource;
      readonly destination: string;
      readonly args: readonly string[];
    }
  | {
      readonly tool: 'gdalbuildvrt';
      readonly sources: readonly GdalSource[];
      readonly destination: string;
      readonly args: readonly string[];
    }
  /** Internal overviews, decimations e.g. [2, 4, 8]; `statistics`: those too, as below, while the overviews are made. */
  | {
      readonly tool: 'gdaladdo';
      readonly file: string;
      readonly resampling: string;
      readonly levels: readonly number[];
      readonly statistics?: boolean;
      readonly args: readonly string[];
    }
  /**
   * Of a GeoTIFF whose last band says which pixels are valid: a VRT of the other bands with that one as their mask, with
   * statistics and overviews, decimations e.g. [2, 4, 8], each made from the one before. Their files lie beside the
   * VRT, `level-2.tif` and so on. `options`: flags of those files; `args`: flags of gdal_translate for the VRT.
   */
  | {
      readonly tool: 'pyramid';
      readonly file: string;
      readonly destination: string;
      readonly resampling: string;
      readonly levels: readonly number[];
      readonly options: readonly string[];
      readonly args: readonly string[];
    }
  /** Writes the six numbers into a dataset as they are, e.g. into a VRT whose own were computed. */
  | {
      readonly tool: 'geotransform';
      readonly file: string;
      readonly geoTransform: readonly number[];
      readonly args: readonly [];
    }
  /** Statistics of the valid pixels of each band, written into the GeoTIFF over those that stand there. */
  | { readonly tool: 'statistics'; readonly file: string; readonly args: readonly [] };

export interface GdalRunOptions {
  readonly signal?: AbortSignal;
  /** 0-1. */
  readonly onProgress?: (fraction: number) => void;
  readonly timeoutMs?: number;
  /** GDAL configuration options for this operation only, e.g. GDAL_TIFF_INTERNAL_MASK. */
  readonly config?: Readonly<Record<string, string>>;
  /**
   * True: before operations that wait without it. For the later steps of a work, never for its first: works then end one
   * after another, and while one of them transfers its files GDAL has the others' to do.
   */
  readonly ahead?: boolean;
}

/** A rectangle of pixels, read as it is stored: one typed array a band. */
export interface PixelWindow {
  readonly width: number;
  readonly height: number;
  readonly bands: readonly (
    | Uint8Array
    | Int16Array
    | Uint16Array
    | Int32Array
    | Uint32Array
    | Float32Array
    | Float64Array
  )[];
  /** 0 where the dataset says there is no data (nodata, mask or alpha), 255 where there is. */
  readonly mask: Uint8Array;
  /** When asked for: 255 where any of the pixels that one stands for has data, also of those that were passed over. */
  readonly anyValid?: Uint8Array;
}

/** What is done to geometries besides making them valid; lengths in degrees. */
export interface GeometryFixes {
  readonly simplify: { readonly tolerance: number; readonly preserveTopology: boolean } | null;
  readonly snapToGrid: number | null;
}

/** Where a CSV file has its places; null: found out from the names of its columns. */
export interface CsvColumns {
  readonly latitude: string | null;
  readonly longitude: string | null;
  readonly wkt: string | null;
}

export interface VectorRequest {
  /** A local file. Archives and KMZ as they are. */
  readonly file: string;
  /** `csv`, or the drivers that may open it, e.g. `['GPKG']`. */
  readonly drivers: 'csv' | readonly string[];
  /** null: the first that has geometries. */
  readonly layer: string | null;
  /** For a file that does not say. */
  readonly inputCrs: string | null;
  readonly csv: CsvColumns;
  readonly fixes: GeometryFixes;
  /** Is made; gets the chunks `00000.copy.zst`, `00001.copy.zst`, … */
  readonly folder: string;
  /** Rows a chunk; null: by their size, at most 20,000. */
  readonly chunkRows: number | null;
  /** Chunks may be in COPY's binary format. */
  readonly binary: boolean;
}

/**
 * A layer as rows in PostgreSQL's COPY text or binary format: row number from 1, a valid Multi* in EPSG:4326 as EWKB, the columns.
 * Times without a zone are UTC.
 */
export interface VectorRows {
  readonly layer: string;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** e.g. `MultiPolygon`; `Geometry` of a layer without rows that does not say. */
  readonly geometryType: string;
  /** How many there were of each type, e.g. `{Polygon: 3}`. */
  readonly sourceTypes: Readonly<Record<string, number>>;
  readonly chunks: number;
  readonly rows: number;
  /** Null or empty geometries, or such of which repairing left nothing. */
  readonly dropped: number;
  readonly repaired: number;
  /** Single geometries that became Multi*. */
  readonly promoted: number;
  /** Geometries that had a height or a measure. */
  readonly flattened: number;
  /** `EPSG:n`, or WKT where no code is the same. */
  readonly sourceCrs: string;
  /** The file's own CRS is another one than `inputCrs`, and was used. */
  readonly inputCrsIgnored: boolean;
  /** What was read otherwise than the file may have meant it. */
  readonly warnings: readonly VectorWarning[];
}

/**
 * Runs GDAL operations, each in a process of its own, so that a crash, a cancellation or a time limit costs the task
 * and not the host. Throws FILE_UNREADABLE (cannot be opened, or its pixels cannot be read), GDAL_FAILED (retryable:
 * the process died, I/O), RASTER_UNSUPPORTED (GDAL refused the request), TIMEOUT, or the signal's reason; for a source
 * that is not there or not to be had FILE_NOT_FOUND, CONTAINER_NOT_FOUND, STORAGE_DENIED or STORAGE_UNAVAILABLE.
 */
export interface Gdal {
  readonly capabilities: GdalCapabilities;
  run(command: GdalCommand, options?: GdalRunOptions): Promise<void>;
  /** gdalinfo as JSON, with the flags given (e.g. `-stats`). */
  info(source: GdalSource, args?: readonly string[], options?: GdalRunOptions): Promise<JsonObject>;
  /** Names and SRS facts of a definition such as `EPSG:32633` or WKT; null when PROJ does not know it. */
  describeCrs(definition: string): Promise<CrsDescription | null>;
  /** Reads a window, resampled to `width` x `height` (all bands, or the ones given, from 1). */
  readPixels(
    source: GdalSource,
    window: {
      readonly width: number;
      readonly height: number;
      readonly bands?: readonly number[];
      readonly resampling?: string;
      readonly anyValid?: boolean;
    },
    options?: GdalRunOptions,
  ): Promise<PixelWindow>;
  /** Whether any of a few pixels across the raster is valid; the file's last one is looked at in any case. */
  hasData(source: GdalSource, options?: GdalRunOptions): Promise<boolean>;
  /** Transforms points from one CRS to another, x y in GIS order (longitude first); null for points that fail. */
  transformPoints(
    from: string,
    to: string,
    points: readonly (readonly [number, number])[],
  ): Promise<readonly (readonly [number, number] | null)[]>;
  /**
   * Writes a layer's features as chunks of rows. Throws FILE_UNREADABLE, LAYER_NOT_FOUND, NO_GEOMETRY, MIXED_GEOMETRY,
   * CRS_MISSING, CRS_INVALID, INVALID_ROWS (by number; rows of a CSV file, or features beyond longitude
   * 180 or latitude 90).
   */
  exportRows(request: VectorRequest, options?: GdalRunOptions): Promise<VectorRows>;
  close(): Promise<void>;
}

export interface CrsDescription {
  /** `EPSG:32725` when the definition is one of the EPSG's or is the same as one; null otherwise. */
  readonly authorityCode: string | null;
  readonly wkt2: string;
  /** WKT 1 as GDAL writes it; null for a CRS that it cannot say. */
  readonly wkt1: string | null;
  readonly projected: boolean;
  /** Area of use in degrees [west, south, east, north]; null when PROJ has none. */
  readonly areaOfUse: readonly [number, number, number, number] | null;
}
