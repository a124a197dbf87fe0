/**
 * Every warning that a job's result may hold. docs/errors.md lists exactly these. In strict mode those of rasters with
 * the severity `warning` fail the job.
 */
export const warningCatalogue = {
  // Rasters
  TYPE_MISMATCH: raster(
    'warning',
    'raster_type says one thing, the bands look like another; the declared type is what the COG is made for.',
    'Leave raster_type at auto, or ignore it where you know better.',
  ),
  TIER_NOT_APPLICABLE: raster(
    'warning',
    'The tier that was asked for cannot hold this raster: an analysis COG is made instead.',
    'Ask for analysis or archive.',
  ),
  INEFFICIENT_BIT_DEPTH: raster(
    'warning',
    'The pixels have 64 bits, and so will the COG.',
    'Convert the source to 32 bits where they are enough.',
  ),
  NODATA_UNUSABLE: raster(
    'warning',
    "The file's nodata value cannot occur in its data type: it is ignored.",
    'Set a nodata value that the pixels can have, or remove it.',
  ),
  CRS_MISMATCH: raster(
    'warning',
    "input_crs differs from the file's own CRS, which is used.",
    "Leave input_crs out, or correct the file's CRS.",
  ),
  CRS_UNUSABLE: raster(
    'warning',
    "The file's own CRS is no projected or geographic one; input_crs is used.",
    'Nothing, if input_crs is right; else correct it.',
  ),
  SUSPICIOUS_BOUNDS: raster(
    'warning',
    'The raster lies outside of the area that its CRS is made for: often a wrong CRS, or swapped axes.',
    "Look at the item's bbox; correct the file's CRS or coordinates.",
  ),
  ALL_NODATA: raster(
    'info',
    'No valid pixel was found in a sample of the raster; there may be some between those that were looked at.',
    'Check that the source is the right file.',
  ),
  // Vectors
  INPUT_CRS_IGNORED: vector(
    "input_crs differs from the file's own CRS, which is used.",
    "Leave input_crs out, or correct the file's CRS.",
  ),
  SHORT_ROWS: vector(
    'Rows of a CSV have fewer fields than its header; what they lack is null.',
    'Look at the first of them, which the message names.',
  ),
  INDEXES_NOT_MADE: vector(
    'Rows were appended to a table that lacks indexes which were asked for; append makes none.',
    'CREATE INDEX on the columns that the message names.',
  ),
  SCHEMA_NOT_SHOWN: vector(
    'The table is there, but the features API does not show its schema, so ogc_features_url is null.',
    'Add the schema to OGC_SCHEMAS.',
  ),
} as const satisfies Record<string, WarningEntry>;

export type WarningCode = keyof typeof warningCatalogue;
export type RasterWarningCode = CodeOf<'rasters'>;
export type VectorWarningCode = CodeOf<'vectors'>;

export const warningCodes = Object.keys(warningCatalogue) as WarningCode[];
export const rasterWarningCodes = warningCodes.filter(isAbout('rasters'));
export const vectorWarningCodes = warningCodes.filter(isAbout('vectors'));

export interface WarningEntry {
  readonly about: 'rasters' | 'vectors';
  /** `info` fails no job in strict mode. */
  readonly severity: 'info' | 'warning';
  readonly meaning: string;
  /** What to do. */
  readonly remedy: string;
}

/** A type and not an interface: it goes into a result as JSON. */
export type VectorWarning = {
  readonly code: VectorWarningCode;
  readonly message: string;
};

type CodeOf<About extends WarningEntry['about']> = {
  [Code in WarningCode]: (typeof warningCatalogue)[Code]['about'] extends About ? Code : never;
}[WarningCode];

function isAbout<About extends WarningEntry['about']>(about: About) {
  return (code: WarningCode): code is CodeOf<About> => warningCatalogue[code].about === about;
}

function raster(severity: WarningEntry['severity'], meaning: string, remedy: string) {
  return { about: 'rasters', severity, meaning, remedy } as const;
}

function vector(meaning: string, remedy: string) {
  return { about: 'vectors', severity: 'warning', meaning, remedy } as const;
}
