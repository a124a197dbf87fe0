import type { TokenCredential } from '@azure/identity';
import { BlobServiceClient, type BlockBlobClient, StorageRetryPolicyType } from '@azure/storage-blob';
import { CoreMachineError } from '../../core/errors.ts';
import type { BlobProperties, BlobRef, BlobStore, GdalSource, UploadOptions } from '../../core/ports/blob-store.ts';
import { processIdentity } from '../azure/identity.ts';
import { Turns } from '../turns.ts';
import { inLongForm } from './development-storage.ts';
import { type DownloadOptions, downloadToFile, readBytes } from './download.ts';
import { accessByConnectionString, DelegatedAccess, type GdalAccess } from './gdal-access.ts';
import {
  assertContainerName,
  assertMetadata,
  assertReadable,
  assertWritable,
  isContainerName,
  isPossible,
  noContainer,
} from './names.ts';
import { isFolder, listedProperties, storedProperties } from './properties.ts';
import { isConditionNotMet, type Target, toStorageError } from './storage-error.ts';
import { uploadSource } from './upload.ts';

/** A connection string, or the blob endpoint of an account that is reached with the process's identity. */
export type StorageConnection = string | { readonly blobServiceUri: string };

export interface BlobStoreOptions {
  readonly connection: StorageConnection;
  /** Instead of the process's own identity. */
  readonly credential?: TokenCredential;
  /** A download that brings nothing for this long starts a new connection; default 60 s. */
  readonly stallMs?: number;
}

/** The SDK's own tries of one request; the engine retries the task on top of these. */
const retryOptions = {
  retryPolicyType: StorageRetryPolicyType.EXPONENTIAL,
  maxTries: 4,
  retryDelayInMs: 500,
  maxRetryDelayInMs: 5000,
};

/** Large blobs on their way at once, each with several connections. */
const downloadsAtOnce = 2;

/** A page is held in memory; the service's most is 5,000. */
const pageSize = 2000;

/** Opens nothing yet: the first call connects. */
export function openBlobStore({ connection, credential, stallMs = 60_000 }: BlobStoreOptions): BlobStore {
  if (typeof connection === 'string') {
    const full = inLongForm(connection);
    const service = BlobServiceClient.fromConnectionString(full, { retryOptions });
    return new AzureBlobStore(service, accessByConnectionString(full), stallMs);
  }
  const identity = credential ?? processIdentity();
  const service = new BlobServiceClient(connection.blobServiceUri, identity, { retryOptions });
  return new AzureBlobStore(service, new DelegatedAccess(service), stallMs);
}

class AzureBlobStore implements BlobStore {
  readonly #service: BlobServiceClient;
  readonly #gdal: GdalAccess;
  readonly #stallMs: number;
  readonly #downloads = new Turns(downloadsAtOnce);

  constructor(service: BlobServiceClient, gdal: GdalAccess, stallMs: number) {
    this.#service = service;
    this.#gdal = gdal;
    this.#stallMs = stallMs;
  }

  async containerExists(container: string): Promise<boolean> {
    if (!isContainerName(container)) return false;
    const found = await orNull(() => this.#service.getContainerClient(container).getProperties(), { container });
    return found !== null;
  }

  async ensureContainer(container: string): Promise<void> {
    assertContainerName(container);
    await mapped(() => this.#service.getContainerClient(container).createIfNotExists(), { container });
  }

  async properties(ref: BlobRef): Promise<BlobProperties | null> {
    if (!isPossible(ref)) return null;
    const found = await orNull(() => this.#blob(ref).getProperties(), ref);
    return found && !isFolder(found.metadata) ? storedProperties(ref, found) : null;
  }

  async *list(
    container: string,
    options: { prefix?: string; signal?: AbortSignal } = {},
  ): AsyncGenerator<BlobProperties> {
    if (!isContainerName(container)) throw noContainer(container);
    const { prefix, signal } = options;
    const request = { includeMetadata: true, ...(prefix && { prefix }), ...(signal && { abortSignal: signal }) };
    const pages = this.#service.getContainerClient(container).listBlobsFlat(request).byPage({ maxPageSize: pageSize });
    while (true) {
      const page = await mapped(() => pages.next(), { container }, signal);
      if (page.done) return;
      for (const item of page.value.segment.blobItems) {
        signal?.throwIfAborted();
        if (!isFolder(item.metadata)) yield listedProperties(container, item);
      }
    }
  }

  async read(ref: BlobRef, range?: { offset: number; length: number }): Promise<Uint8Array> {
    assertReadable(ref);
    return mapped(() => readBytes(this.#blob(ref), range, this.#stallMs), ref);
  }

  async download(
    ref: BlobRef,
    file: string,
    options: { signal?: AbortSignal; onProgress?: (bytes: number) => void } = {},
  ): Promise<void> {
    assertReadable(ref);
    const { signal, onProgress } = options;
    signal?.throwIfAborted();
    const download: DownloadOptions = { signal, onProgress, stallMs: this.#stallMs, turns: this.#downloads };
    await mapped(() => downloadToFile(this.#blob(ref), file, download), ref, signal);
  }

  async upload(ref: BlobRef, source: string | Uint8Array, options: UploadOptions): Promise<BlobProperties> {
    assertWritable(ref);
    assertMetadata(options.metadata ?? {});
    options.signal?.throwIfAborted();
    const send = () => mapped(() => uploadSource(this.#blob(ref), source, options), ref, options.signal);
    try {
      await send();
    } catch (error) {
      if (!(error instanceof CoreMachineError) || error.code !== 'CONTAINER_NOT_FOUND') throw error;
      await this.ensureContainer(ref.container);
      await send();
    }
    // The service's own words: size, tier and time as they are stored.
    return mapped(async () => storedProperties(ref, await this.#blob(ref).getProperties()), ref);
  }

  async delete(ref: BlobRef, { etag }: { etag?: string } = {}): Promise<boolean> {
    if (!isPossible(ref)) return false;
    const conditions = etag === undefined ? {} : { ifMatch: etag };
    const request = () => this.#blob(ref).delete({ deleteSnapshots: 'include', conditions });
    return (await orNull(() => unlessChanged(request), ref)) !== null;
  }

  async gdalSource(ref: BlobRef): Promise<GdalSource> {
    assertReadable(ref);
    return mapped(() => this.#gdal.source(ref), { container: ref.container });
  }

  url(ref: BlobRef): string {
    assertReadable(ref);
    const url = new URL(this.#blob(ref).url);
    // A connection string with a shared access signature puts it into every URL.
    url.search = '';
    return url.href;
  }

  #blob(ref: BlobRef): BlockBlobClient {
    return this.#service.getContainerClient(ref.container).getBlockBlobClient(ref.name);
  }
}

async function mapped<T>(work: () => Promise<T>, target: Target, signal?: AbortSignal): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toStorageError(error, target, signal);
  }
}

/** null where the condition of a request does not hold: the service's 412. */
async function unlessChanged<T>(work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (isConditionNotMet(error)) return null;
    throw error;
  }
}

/** null for the service's 404 and for nothing else. */
async function orNull<T>(work: () => Promise<T | null>, target: Target): Promise<T | null> {
  try {
    return await mapped(work, target);
  } catch (error) {
    const absent = error instanceof CoreMachineError && error.httpStatus === 404;
    if (absent) return null;
    throw error;
  }
}
