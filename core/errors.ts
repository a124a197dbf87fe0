import { withoutSecrets } from './secrets.ts';

/**
 * Every error a user can meet: its HTTP status, and whether trying again can help. docs/errors.md lists exactly these.
 * Handlers and adapters throw `CoreMachineError` with one of the codes; nothing ever reads an error's text.
 */
export const errorCatalogue = {
  // The request
  BAD_JSON: entry(400, false, 'The body is not valid JSON, or not an object.'),
  INVALID_PARAMETERS: entry(
    400,
    false,
    'Parameters are missing, unknown or of the wrong kind; details lists all of them.',
  ),
  UNKNOWN_JOB_TYPE: entry(400, false, 'There is no job type of this name; details lists the known ones.'),
  INVALID_ID: entry(400, false, 'A job id is 64 hexadecimal digits.'),
  PARAMETERS_TOO_LARGE: entry(400, false, 'The parameters are larger than 1 MiB as JSON.'),
  BODY_TOO_LARGE: entry(413, false, 'The request body is larger than the limit.'),
  UNSUPPORTED_MEDIA_TYPE: entry(415, false, 'The body must be sent as application/json.'),
  NOT_FOUND: entry(404, false, 'There is nothing at this address.'),
  JOB_NOT_FOUND: entry(404, false, 'There is no job with this id.'),
  QUEUE_NOT_FOUND: entry(404, false, 'There is no queue of this name; details lists the known ones.'),
  JOB_ACTIVE: entry(409, false, 'The job is queued or processing; wait for its end or cancel it first.'),
  NOTHING_TO_RETRY: entry(
    409,
    false,
    'The job completed, so nothing of it failed; run all of it again with from=start.',
  ),
  JOB_NOT_ACTIVE: entry(409, false, 'The job has already ended.'),
  CONTAINER_NOT_FOUND: entry(404, false, 'The blob container does not exist.'),
  FILE_NOT_FOUND: entry(404, false, 'The blob does not exist in its container.'),
  TABLE_NOT_FOUND: entry(404, false, 'There is no such table, or it has no column that is needed.'),
  GRID_EMPTY: entry(422, false, 'No cell of the grid lies in the area that was asked for.'),
  GRID_TOO_LARGE: entry(
    422,
    false,
    'The grids would have more cells than H3_MAX_CELLS; ask for a smaller area or fewer resolutions.',
  ),
  GRID_INCOMPLETE: entry(500, true, 'The cells in the table are not those that were stored.'),
  LAND_INVALID: entry(422, false, 'The source of land has no polygons in longitude and latitude.'),
  RASTER_TOO_LARGE: entry(
    400,
    false,
    'The raster is over RASTER_SIZE_THRESHOLD_MB; submit process_large_raster instead.',
  ),
  // Features
  COLLECTION_NOT_FOUND: entry(404, false, 'There is no collection of features with this id.'),
  FEATURE_NOT_FOUND: entry(404, false, 'The collection has no feature with this id.'),
  FEATURE_UNREADABLE: entry(500, false, 'The collection holds a geometry that cannot be shown as GeoJSON in lon/lat.'),
  QUERY_TIMEOUT: entry(504, false, 'A query over features took longer than OGC_QUERY_SECONDS; ask for less.'),
  // The engine
  PLAN_FAILED: entry(500, false, 'The job type could not plan its next stage.'),
  PLAN_INVALID: entry(500, false, 'A planned task has an invalid key or input.'),
  TOO_MANY_TASKS: entry(400, false, 'A stage would have more than 100,000 tasks.'),
  FINALIZE_FAILED: entry(500, false, 'The job type could not build its result.'),
  ALL_TASKS_FAILED: entry(500, false, 'Every task of the stage failed.'),
  RESULT_INVALID: entry(500, false, 'A handler returned something its output schema does not allow.'),
  RESULT_TOO_LARGE: entry(500, false, 'A result is larger than 1 MiB as JSON.'),
  HANDLER_FAILED: entry(500, true, 'A handler threw an error without a code.'),
  WORKER_LOST: entry(500, true, 'The worker stopped renewing its lease: it died or hung.'),
  TIMEOUT: entry(500, true, 'The work took longer than its declared limit.'),
  CANCELLED: entry(409, false, 'The job was cancelled.'),
  SIMULATED_FAILURE: entry(500, true, 'hello_world failed on purpose (failure_rate).'),
  BAD_MESSAGE: entry(400, false, 'A queue message is not one of ours.'),
  // Rasters
  FILE_UNREADABLE: entry(400, false, 'GDAL cannot read the file: truncated, empty, or not of its kind.'),
  SUBDATASET_REQUIRED: entry(400, false, 'The file holds several variables; name one in subdataset.'),
  SUBDATASET_NOT_FOUND: entry(400, false, 'The file has no variable of this name.'),
  CRS_MISSING: entry(400, false, 'The file has no coordinate reference system; give input_crs.'),
  CRS_INVALID: entry(400, false, 'GDAL does not know this coordinate reference system.'),
  RASTER_UNSUPPORTED: entry(400, false, 'The raster cannot be processed: see the message.'),
  OUTPUT_TAKEN: entry(
    409,
    false,
    'What the job would write is there already, made from another source; the message says which parameter to change.',
  ),
  COLLECTION_MIXED: entry(
    400,
    false,
    'The tiles of a collection differ in type, bands or data type; details lists what each one is.',
  ),
  // Vectors
  LAYER_NOT_FOUND: entry(
    400,
    false,
    'The file has no such layer, or several of which one must be named; details lists them.',
  ),
  NO_GEOMETRY: entry(400, false, 'The file has no geometries.'),
  MIXED_GEOMETRY: entry(
    400,
    false,
    'Points, lines and polygons do not go into one table; the message counts the types.',
  ),
  INVALID_ROWS: entry(
    400,
    false,
    'Rows of the file cannot be taken, for their coordinates mostly; details has their numbers.',
  ),
  TABLE_EXISTS: entry(409, false, 'The table exists; choose load_method replace or append, or another name.'),
  TABLE_IN_USE: entry(
    409,
    false,
    'The table cannot be replaced: views or other tables are built on it, or it has policies, triggers or the like.',
  ),
  COLUMNS_MISMATCH: entry(400, false, 'The columns do not fit those of the table; details has each.'),
  LOAD_ENDED: entry(409, false, 'The load that the task belongs to has ended.'),
  VALIDATION_FAILED: entry(400, false, 'Strict mode: a warning became an error.'),
  GDAL_FAILED: entry(500, true, 'A GDAL operation failed.'),
  // Outside things
  STORAGE_UNAVAILABLE: entry(503, true, 'Blob storage did not answer.'),
  STORAGE_DENIED: entry(500, false, 'Blob storage refused the credentials.'),
  DATABASE_UNAVAILABLE: entry(503, true, 'The database did not answer.'),
  QUEUE_UNAVAILABLE: entry(503, true, 'Service Bus did not answer.'),
  CATALOGUE_FAILED: entry(500, true, 'The STAC catalogue refused or lost a write.'),
  CATALOGUE_VERSION: entry(500, false, 'The installed pgSTAC is of a version this project does not support.'),
  CONFIGURATION_INVALID: entry(500, false, 'The configuration is missing or malformed; details lists all problems.'),
  INTERNAL: entry(500, false, 'An unexpected error; the log has the correlation id.'),
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof errorCatalogue;

export interface ErrorEntry {
  readonly httpStatus: number;
  readonly retryable: boolean;
  readonly meaning: string;
}

/** One problem among several, e.g. one wrong parameter. `path` is dotted, e.g. `filter.prefix`. */
export interface ErrorDetail {
  readonly path?: string;
  readonly code?: string;
  readonly message: string;
}

/** An error as it is stored and shown. */
export interface ErrorRecord {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details?: readonly ErrorDetail[];
}

export class CoreMachineError extends Error {
  readonly code: ErrorCode;
  readonly details: readonly ErrorDetail[] | undefined;

  constructor(code: ErrorCode, message: string, options: { details?: readonly ErrorDetail[]; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'CoreMachineError';
    this.code = code;
    this.details = options.details;
  }

  get retryable(): boolean {
    return errorCatalogue[this.code].retryable;
  }

  get httpStatus(): number {
    return errorCatalogue[this.code].httpStatus;
  }

  /** What is stored, and shown to whoever asks for the job: without credentials that a message may hold. */
  toRecord(): ErrorRecord {
    const details = this.details?.map((detail) => ({ ...detail, message: withoutSecrets(detail.message) }));
    return { code: this.code, message: withoutSecrets(this.message), ...(details && { details }) };
  }
}

/** The error itself when it has a code, else one of class `fallback` that keeps it as its cause. */
export function toCoreMachineError(error: unknown, fallback: ErrorCode = 'INTERNAL'): CoreMachineError {
  if (error instanceof CoreMachineError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new CoreMachineError(fallback, message, { cause: error });
}

function entry(httpStatus: number, retryable: boolean, meaning: string): ErrorEntry {
  return { httpStatus, retryable, meaning };
}
