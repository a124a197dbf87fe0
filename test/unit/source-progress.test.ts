import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TaskContext } from '../../core/handler.ts';
import { silentLog } from '../../core/log.ts';
import type { Services } from '../../core/services.ts';
import { openSource } from '../../handlers/raster/source.ts';
import { validateRaster } from '../../handlers/raster/validate-raster.ts';
import { MemoryBlobStore } from '../../infrastructure/blob/memory-blob-store.ts';

/** Tells of each download four times, as a large one does. */
class SlowBlobStore extends MemoryBlobStore {
  override async download(...[ref, file, options = {}]: Parameters<MemoryBlobStore['download']>): Promise<void> {
    const size = (await this.properties(ref))?.sizeBytes ?? 0;
    await super.download(ref, file, {});
    for (const quarter of [1, 2, 3, 4]) options.onProgress?.((size * quarter) / 4);
  }
}

async function withContext(work: (context: TaskContext, seen: number[], folder: string) => Promise<void>) {
  const folder = await mkdtemp(join(tmpdir(), 'coremachine-progress-'));
  const seen: number[] = [];
  const blobs = new SlowBlobStore();
  const contentType = 'image/png';
  await blobs.upload({ container: 'bronze', name: 'map.png' }, new Uint8Array(600), { contentType });
  await blobs.upload({ container: 'bronze', name: 'map.pgw' }, new Uint8Array(200), { contentType });
  const gdal = { info: () => Promise.reject(new Error('enough')) };
  const workspace = { use: (_: string, inside: (folder: string) => Promise<unknown>) => inside(folder) };
  const context: TaskContext = {
    job: { id: 'j', type: 'process_raster', run: 1 },
    task: { id: 't', key: 'validate', number: 0, stage: 1, attempt: 1 },
    signal: new AbortController().signal,
    progress: (fraction) => void seen.push(Math.round(fraction * 1e6) / 1e6),
    services: { blobs, gdal, workspace } as unknown as Services,
    log: silentLog,
  };
  try {
    await work(context, seen, folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

test('a copy of a source tells how far it is, its side files included', () =>
  withContext(async (context, seen, folder) => {
    const options = { subdataset: null, localCopy: null, folder, context, span: [0.2, 0.6] } as const;
    await openSource(context.services, { container: 'bronze', name: 'map.png' }, options);
    assert.deepEqual(seen, [0.275, 0.35, 0.425, 0.5, 0.525, 0.55, 0.575, 0.6]);
  }));

test('validate_raster tells how far it is while it copies', () =>
  withContext(async (context, seen) => {
    const place = { container_name: 'bronze', blob_name: 'map.png', subdataset: null, input_crs: null };
    const input = { ...place, raster_type: 'auto', strict_mode: false, requested_tiers: [] } as const;
    await assert.rejects(async () => validateRaster.run({ ...input, requested_tiers: [] }, context), /enough/);
    assert.deepEqual(seen, [0.15, 0.3, 0.45, 0.6, 0.65, 0.7, 0.75, 0.8, 0.8]);
  }));
