import { execFile } from 'node:child_process';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type pg from 'pg';
import type { JsonObject } from '../../core/json.ts';
import { runJob } from '../../core/testing/run-job.ts';
import { ingestVector } from '../../jobs/ingest-vector.ts';
import { withClient } from './postgres.ts';
import { JobFailure } from './raster-jobs.ts';
import { type StacServices, stacServices } from './stac-services.ts';

const run = promisify(execFile);

export const samples = fileURLToPath(new URL('../fixtures/samples/', import.meta.url));

export interface VectorJobs {
  readonly stack: StacServices;
  /** Runs ingest_vector on a local file. @throws with the job's error when it did not complete. */
  load(file: string, parameters: JsonObject): Promise<JsonObject>;
  sql<Row extends pg.QueryResultRow>(statement: string): Promise<Row[]>;
  /** A path for a new file. */
  path(name: string): string;
  /** What ogr2ogr loads of a file: table `reference.{name}`. */
  reference(name: string, source: string, args?: readonly string[]): Promise<void>;
  /** Load tables, loads and chunks that are left. */
  leftovers(): Promise<readonly string[]>;
}

/** ingest_vector on Azurite, GDAL processes and a PostgreSQL with PostGIS and pgSTAC. */
export async function vectorJobs(): Promise<VectorJobs> {
  const stack = await stacServices({ ogcFeaturesBaseUrl: 'https://features.example.org' });
  const sql = <Row extends pg.QueryResultRow>(statement: string) =>
    withClient(stack.databaseUrl, async (client) => (await client.query<Row>(statement)).rows);
  await sql('CREATE SCHEMA reference');
  let uploads = 0;
  // The storage is shared with other test files.
  const jobIds = new Set<string>();
  const load = async (file: string, parameters: JsonObject) => {
    uploads += 1;
    const { container, name } = await stack.upload(file, `${uploads}/${basename(file)}`);
    const { job } = await runJob(ingestVector, { container_name: container, blob_name: name, ...parameters }, stack);
    jobIds.add(job.jobId);
    if (job.status !== 'completed' || !job.result) throw new JobFailure(job.error);
    return job.result;
  };
  const reference = async (name: string, source: string, args: readonly string[] = []) => {
    const options = [
      '-lco',
      'GEOMETRY_NAME=geom',
      '-lco',
      'FID=id',
      '-lco',
      'PRECISION=NO',
      '-lco',
      'SPATIAL_INDEX=NONE',
    ];
    const flags = ['-f', 'PostgreSQL', '-nln', `reference.${name}`, '-t_srs', 'EPSG:4326', '-dim', 'XY', ...options];
    const url = new URL(stack.databaseUrl);
    const place = `PG:dbname=${url.pathname.slice(1)} host=${url.hostname} port=${url.port} user=${url.username}`;
    const env = { ...process.env, PGPASSWORD: decodeURIComponent(url.password), PGCLIENTENCODING: 'UTF8' };
    await run('ogr2ogr', [...flags, ...args, place, source], { env });
  };
  const leftovers = async () => {
    const tables = await sql<{ name: string }>(
      `SELECT relname AS name FROM pg_class WHERE relnamespace = 'geo_load'::regnamespace AND relkind = 'r'
       UNION ALL SELECT job_id FROM app.loads UNION ALL SELECT job_id FROM app.load_chunks`,
    );
    const blobs: string[] = [];
    if (await stack.services.blobs.containerExists('vector-chunks')) {
      for await (const { name } of stack.services.blobs.list('vector-chunks')) {
        if (jobIds.has(name.split('/')[0] ?? '')) blobs.push(name);
      }
    }
    return [...tables.map(({ name }) => name), ...blobs];
  };
  return { stack, load, sql, path: (name) => join(stack.folder, name), reference, leftovers };
}

/** Runs ogr2ogr to make a test file. */
export async function ogr2ogr(...args: readonly string[]): Promise<void> {
  await run('ogr2ogr', [...args]);
}
