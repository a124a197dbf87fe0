import { access, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { CoreMachineError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { type Log, silentLog } from '../../core/log.ts';
import type { GdalSource } from '../../core/ports/blob-store.ts';
import type {
  CrsDescription,
  Gdal,
  GdalCapabilities,
  GdalCommand,
  GdalRunOptions,
  PixelWindow,
  VectorRequest,
  VectorRows,
} from '../../core/ports/gdal.ts';
import type { Workspace } from '../../core/ports/workspace.ts';
import { openWorkspace } from '../workspace/workspace.ts';
import { destinationOf, mergeOptions, sourcesOf, toPlain } from './command.ts';
import { Executor } from './executor.ts';
import { ProcessPool } from './process-pool.ts';
import { ProcessStock } from './process-stock.ts';
import { parseRasterJson } from './raster-json.ts';

export interface GdalOptions {
  /** Operations on rasters at the same time, each in a process of its own; questions about CRSs have one more. */
  readonly processes: number;
  readonly log: Log;
  /** Block cache of each process in MB. Default 256. */
  readonly cacheMb?: number;
  /** Where GDAL puts temporary files; each operation's are gone when it ends. Default: the system's. */
  readonly tempFolder?: string;
  /** How long a process without work is kept. Default 30 s. */
  readonly idleMs?: number;
}

/** Starts a process, asks it what its GDAL can do, and keeps it warm. Throws when GDAL cannot be loaded. */
export async function openGdal(options: GdalOptions): Promise<Gdal> {
  const { processes, log, cacheMb = 256, tempFolder = tmpdir(), idleMs = 30_000 } = options;
  const scratch = await openWorkspace({ root: tempFolder, log });
  const stock = new ProcessStock({ cacheMb, tempFolder, idleMs });
  const rasters = new Executor(new ProcessPool(stock, processes, 'largest'), log);
  // A point outside of a projection is an answer, and no news.
  const questions = new Executor(new ProcessPool(stock, 1, 'smallest'), silentLog);
  try {
    const capabilities = await questions.execute('capabilities', null, { tool: 'GDAL' });
    return new PooledGdal({ capabilities, rasters, questions, scratch });
  } catch (error) {
    await questions.close();
    throw error;
  }
}

interface Parts {
  readonly capabilities: GdalCapabilities;
  readonly rasters: Executor;
  /** Of their own, so that they do not wait behind warps. */
  readonly questions: Executor;
  readonly scratch: Workspace;
}

class PooledGdal implements Gdal {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  get capabilities(): GdalCapabilities {
    return this.#parts.capabilities;
  }

  async run(command: GdalCommand, options: GdalRunOptions = {}): Promise<void> {
    const { plain, config } = toPlain(command);
    const sources = sourcesOf(command);
    const destination = destinationOf(command);
    const own = destination !== null && !(await exists(destination)) ? destination : null;
    let reached = 0;
    const onProgress = (fraction: number) => {
      reached = fraction;
      options.onProgress?.(fraction);
    };
    await this.#parts.scratch.use('gdal', async (folder) => {
      try {
        await this.#parts.rasters.execute('command', plain, {
          ...options,
          onProgress,
          tool: command.tool,
          sources,
          config: mergeOptions(sources, { CPL_TMPDIR: folder }, config, options.config),
          files: 'file' in command ? [command.file] : [destination ?? ''],
        });
      } catch (error) {
        // Half a file is worse than none.
        if (own !== null) await rm(own, { force: true });
        throw error;
      }
    });
    if (reached < 1) onProgress(1);
  }

  async info(source: GdalSource, args: readonly string[] = [], options: GdalRunOptions = {}): Promise<JsonObject> {
    const { plain, config } = toPlain({ tool: 'gdalinfo', source, args });
    const input = { path: source.path, args: plain.args };
    const json = await this.#parts.rasters.execute('info', input, {
      ...options,
      tool: 'gdalinfo',
      sources: [source],
      config: mergeOptions([source], config, options.config),
    });
    return parseRasterJson(json);
  }

  async readPixels(
    source: GdalSource,
    window: Parameters<Gdal['readPixels']>[1],
    options: GdalRunOptions = {},
  ): Promise<PixelWindow> {
    const { width, height, bands = null, resampling = 'near', anyValid = false } = window;
    const input = { path: source.path, width, height, bands, resampling, anyValid };
    return this.#parts.rasters.execute('pixels', input, {
      ...options,
      tool: 'readPixels',
      sources: [source],
      config: mergeOptions([source], options.config),
    });
  }

  hasData(source: GdalSource, options: GdalRunOptions = {}): Promise<boolean> {
    return this.#parts.rasters.execute('hasData', source.path, {
      ...options,
      tool: 'hasData',
      sources: [source],
      config: mergeOptions([source], options.config),
    });
  }

  describeCrs(definition: string): Promise<CrsDescription | null> {
    return this.#parts.questions.execute('crs', definition, { tool: 'describeCrs' });
  }

  async transformPoints(
    from: string,
    to: string,
    points: readonly (readonly [number, number])[],
  ): Promise<readonly (readonly [number, number] | null)[]> {
    const input = { from, to, points: Float64Array.from(points.flat()) };
    const ask = () => this.#parts.questions.execute('transform', input, { tool: 'transformPoints' });
    let output = await ask();
    // On a machine under load PROJ has failed for all points of a sound transformation, once, and not the next time.
    if (output?.every(Number.isNaN)) output = await ask();
    if (!output) throw new CoreMachineError('CRS_INVALID', `GDAL does not know one of '${from}' and '${to}'`);
    const values = output;
    return points.map((_, index) => pointAt(values, index));
  }

  async exportRows(request: VectorRequest, options: GdalRunOptions = {}): Promise<VectorRows> {
    const outcome = await this.#parts.rasters.execute('rows', request, {
      ...options,
      tool: 'ogr2ogr',
      sources: [{ path: request.file, config: {} }],
      config: { ...rowOptions, ...options.config },
      files: [request.folder],
    });
    if ('rows' in outcome) return outcome.rows;
    const { code, message, details } = outcome.problem;
    throw new CoreMachineError(code, message, { details: details.map((detail) => ({ message: detail })) });
  }

  async close(): Promise<void> {
    await Promise.all([this.#parts.rasters.close(), this.#parts.questions.close()]);
  }
}

/** COPY instead of INSERT; no limit to the size of one GeoJSON object; nothing is fetched because a KML links to it. */
const rowOptions = {
  PG_USE_COPY: 'YES',
  OGR_GEOJSON_MAX_OBJ_SIZE: '0',
  LIBKML_RESOLVE_STYLE: 'NO',
  OGR_ENABLE_PARTIAL_REPROJECTION: 'NO',
};

function pointAt(values: Float64Array, index: number): readonly [number, number] | null {
  const [x = Number.NaN, y = Number.NaN] = values.subarray(index * 2, index * 2 + 2);
  return Number.isNaN(x) || Number.isNaN(y) ? null : [x, y];
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
