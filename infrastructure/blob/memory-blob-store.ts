import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import type { BlobProperties, BlobRef, BlobStore, GdalSource, UploadOptions } from '../../core/ports/blob-store.ts';
import {
  assertContainerName,
  assertMetadata,
  assertReadable,
  assertWritable,
  lowerCaseKeys,
  noBlob,
  noContainer,
} from './names.ts';

interface StoredBlob {
  readonly bytes: Uint8Array;
  readonly properties: BlobProperties;
}

/** Blobs in this process, for tests and for `runJob`. What GDAL reads is written to a temporary folder. */
export class MemoryBlobStore implements BlobStore {
  readonly #containers = new Map<string, Map<string, StoredBlob>>();
  #folder: Promise<string> | null = null;
  #writes = 0;

  async containerExists(container: string): Promise<boolean> {
    return this.#containers.has(container);
  }

  async ensureContainer(container: string): Promise<void> {
    assertContainerName(container);
    if (!this.#containers.has(container)) this.#containers.set(container, new Map());
  }

  async properties(ref: BlobRef): Promise<BlobProperties | null> {
    return this.#containers.get(ref.container)?.get(ref.name)?.properties ?? null;
  }

  async *list(
    container: string,
    options: { prefix?: string; signal?: AbortSignal } = {},
  ): AsyncGenerator<BlobProperties> {
    const blobs = this.#containers.get(container);
    if (!blobs) throw noContainer(container);
    const names = [...blobs.keys()].filter((name) => name.startsWith(options.prefix ?? '')).sort();
    for (const name of names) {
      options.signal?.throwIfAborted();
      const blob = blobs.get(name);
      if (blob) yield blob.properties;
    }
  }

  async read(ref: BlobRef, range?: { offset: number; length: number }): Promise<Uint8Array> {
    const { bytes } = this.#existing(ref);
    return range ? bytes.slice(range.offset, range.offset + range.length) : bytes.slice();
  }

  async download(
    ref: BlobRef,
    file: string,
    options: { signal?: AbortSignal; onProgress?: (bytes: number) => void } = {},
  ): Promise<void> {
    options.signal?.throwIfAborted();
    const { bytes } = this.#existing(ref);
    await writeFile(file, bytes);
    options.onProgress?.(bytes.length);
  }

  async upload(ref: BlobRef, source: string | Uint8Array, options: UploadOptions): Promise<BlobProperties> {
    assertWritable(ref);
    assertMetadata(options.metadata ?? {});
    options.signal?.throwIfAborted();
    const bytes = typeof source === 'string' ? new Uint8Array(await readFile(source)) : source.slice();
    await this.ensureContainer(ref.container);
    options.onProgress?.(bytes.length, bytes.length);
    this.#writes += 1;
    const properties: BlobProperties = {
      container: ref.container,
      name: ref.name,
      sizeBytes: bytes.length,
      contentType: options.contentType,
      lastModified: new Date(),
      etag: `0x${this.#writes.toString(16)}`,
      accessTier: options.accessTier ?? 'Hot',
      metadata: lowerCaseKeys(options.metadata),
    };
    this.#containers.get(ref.container)?.set(ref.name, { bytes, properties });
    return properties;
  }

  async delete(ref: BlobRef, { etag }: { etag?: string } = {}): Promise<boolean> {
    if (etag !== undefined && (await this.properties(ref))?.etag !== etag) return false;
    return this.#containers.get(ref.container)?.delete(ref.name) ?? false;
  }

  async gdalSource(ref: BlobRef): Promise<GdalSource> {
    const { bytes, properties } = this.#existing(ref);
    this.#folder ??= mkdtemp(join(tmpdir(), 'coremachine-blobs-'));
    const hash = createHash('sha256').update(`${ref.container}/${ref.name}/${properties.etag}`).digest('hex');
    // The ending stays: some drivers go by it.
    const path = join(await this.#folder, `${hash}${extname(ref.name).replace(/[^.A-Za-z0-9]/g, '')}`);
    await writeFile(path, bytes);
    return { path, config: {} };
  }

  url(ref: BlobRef): string {
    assertReadable(ref);
    const name = ref.name.split('/').map(encodeURIComponent).join('/');
    return `https://memory.blob.core.windows.net/${encodeURIComponent(ref.container)}/${name}`;
  }

  /** Removes the files that were written for GDAL. */
  async close(): Promise<void> {
    const folder = await this.#folder;
    this.#folder = null;
    if (folder !== null) await rm(folder, { recursive: true, force: true });
  }

  #existing(ref: BlobRef): StoredBlob {
    assertReadable(ref);
    const blobs = this.#containers.get(ref.container);
    if (!blobs) throw noContainer(ref.container);
    const blob = blobs.get(ref.name);
    if (!blob) throw noBlob(ref);
    return blob;
  }
}
