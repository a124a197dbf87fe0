export interface BlobRef {
  readonly container: string;
  /** The blob's full name, e.g. `scenes/2024/a.tif`; any Unicode Azure allows, never interpreted as a path. */
  readonly name: string;
}

export interface BlobProperties extends BlobRef {
  readonly sizeBytes: number;
  readonly contentType: string | null;
  readonly lastModified: Date;
  readonly etag: string;
  readonly accessTier: string | null;
  readonly metadata: Readonly<Record<string, string>>;
}

export type AccessTier = 'Hot' | 'Cool' | 'Cold' | 'Archive';

export interface UploadOptions {
  readonly contentType: string;
  readonly accessTier?: AccessTier;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Bytes sent so far, and of how many. */
  readonly onProgress?: (bytes: number, totalBytes: number) => void;
}

/** Where GDAL reads a blob from, and the configuration options it needs for that. The options hold credentials. */
export interface GdalSource {
  readonly path: string;
  readonly config: Readonly<Record<string, string>>;
  /** Where the pixels lie when `path` is a local file that only refers to them. */
  readonly refersTo?: string;
}

/**
 * Blobs. Absence is a value only where a method says so, and only for the service's 404; every other failure throws
 * STORAGE_UNAVAILABLE (retryable) or STORAGE_DENIED. Reads of something missing throw FILE_NOT_FOUND or
 * CONTAINER_NOT_FOUND.
 */
export interface BlobStore {
  containerExists(container: string): Promise<boolean>;
  /** Creates the container (private) if it is missing. */
  ensureContainer(container: string): Promise<void>;
  /** null when the blob or its container does not exist. */
  properties(ref: BlobRef): Promise<BlobProperties | null>;
  /** In name order, page by page. */
  list(container: string, options?: { prefix?: string; signal?: AbortSignal }): AsyncIterable<BlobProperties>;
  /** A small range into memory; the whole blob when no range is given. */
  read(ref: BlobRef, range?: { offset: number; length: number }): Promise<Uint8Array>;
  /** Streams a blob to a local file. `onProgress` hears the bytes received so far. */
  download(
    ref: BlobRef,
    file: string,
    options?: { signal?: AbortSignal; onProgress?: (bytes: number) => void },
  ): Promise<void>;
  /** Streams a local file (by path) or bytes to a blob, replacing it. Creates the container if missing. */
  upload(ref: BlobRef, source: string | Uint8Array, options: UploadOptions): Promise<BlobProperties>;
  /** False when there was nothing to delete, or, with `etag`, something else than what had it. */
  delete(ref: BlobRef, options?: { etag?: string }): Promise<boolean>;
  gdalSource(ref: BlobRef): Promise<GdalSource>;
  /** The blob's https URL, percent-encoded, without credentials. */
  url(ref: BlobRef): string;
}
