import { createWriteStream } from 'node:fs';
import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { openBlobStore } from '../../../infrastructure/blob/azure-blob-store.ts';
import type { Stack } from '../../local/stack/stack.ts';
import { startService } from '../testing/service.ts';
import { cpuSeconds } from './engine/cpu.ts';
import { type Contestant, compete, median, type Outcome, type Sample, timeCommand } from './measure.ts';
import { firstLine, machineLine, writeSection } from './report.ts';
import { timeJob, withBenchStack } from './stack.ts';

const folder = '.cache/bench';
const fullPolygons = 200_000;
const fullPoints = 2_000_000;

interface Subject {
  readonly name: string;
  readonly file: string;
  /** How ogr2ogr is told to read it. */
  readonly args: readonly string[];
}

/** ingest_vector, submit to completed with indexes, against `ogr2ogr -f PostgreSQL` with COPY and the same indexes. */
export async function benchVector(rounds: number, scale: number): Promise<void> {
  await mkdir(folder, { recursive: true });
  const subjects = [await polygons(Math.round(fullPolygons * scale)), await points(Math.round(fullPoints * scale))];
  const service = await startService('postgres', { COREMACHINE_TEST_DURABLE: '1' });
  const url = new URL(service.address);
  url.pathname = '/bench_vector';
  await ask(service.address, 'CREATE DATABASE bench_vector');
  await ask(url.href, 'CREATE EXTENSION postgis; CREATE SCHEMA reference');
  try {
    const lines: string[] = [];
    await withBenchStack(folder, { DATABASE_URL: url.href }, async (stack) => {
      for (const subject of subjects) {
        const cpu = new CpuTimes();
        const contestants = [ours(stack, subject, cpu), ogr2ogr(url, subject, cpu)];
        const outcomes = await compete(contestants, rounds, (line) => console.log(line));
        lines.push(...reportLines(subject, outcomes, rounds, cpu));
      }
    });
    if (scale === 1) await writeSection('vector', lines);
    else console.log(lines.join('\n'));
  } finally {
    await service.stop();
  }
}

/** Of everything that takes part, the database too: they are all descendants of this process. */
class CpuTimes {
  readonly #seconds = new Map<string, number[]>();

  async during(name: string, work: () => Promise<Sample>): Promise<Sample> {
    const before = await cpuSeconds(process.pid);
    const sample = await work();
    const used = (await cpuSeconds(process.pid)) - before;
    this.#seconds.set(name, [...(this.#seconds.get(name) ?? []), used]);
    return sample;
  }

  median(name: string): number {
    return median(this.#seconds.get(name) ?? []);
  }
}

function ours(stack: Stack, subject: Subject, cpu: CpuTimes): Contestant {
  const contestant = 'ingest_vector, submit to completed';
  return {
    name: contestant,
    async run(round) {
      const name = `${round}-${Date.now()}-${subject.file.split('/').at(-1)}`;
      const blobs = openBlobStore({ connection: String(stack.settings.STORAGE_CONNECTION) });
      await blobs.upload({ container: 'bench', name }, subject.file, { contentType: 'application/octet-stream' });
      return cpu.during(contestant, () => ingested(stack, name));
    },
  };
}

async function ingested(stack: Stack, name: string): Promise<Sample> {
  const parameters = { container_name: 'bench', blob_name: name, table_name: 'bench', load_method: 'replace' };
  return timeJob(stack, 'ingest_vector', parameters);
}

function ogr2ogr(url: URL, subject: Subject, cpu: CpuTimes): Contestant {
  const name = 'ogr2ogr -f PostgreSQL, COPY, the same indexes';
  const options = ['GEOMETRY_NAME=geom', 'FID=id', 'PRECISION=NO', 'SPATIAL_INDEX=GIST'].flatMap((one) => [
    '-lco',
    one,
  ]);
  const place = `PG:dbname=${url.pathname.slice(1)} host=${url.hostname} port=${url.port} user=${url.username}`;
  return {
    name,
    run: () =>
      cpu.during(name, () =>
        timeCommand(
          'ogr2ogr',
          [
            '-f',
            'PostgreSQL',
            '-overwrite',
            '-nln',
            'reference.bench',
            '-t_srs',
            'EPSG:4326',
            ...options,
            ...subject.args,
            place,
            subject.file,
          ],
          { PG_USE_COPY: 'YES', PGPASSWORD: decodeURIComponent(url.password) },
        ),
      ),
  };
}

async function points(count: number): Promise<Subject> {
  const file = join(folder, `points-${count}.csv`);
  const lines = function* () {
    yield 'name,value,lat,lon\n';
    for (let number = 0; number < count; number += 1) {
      const [lat, lon] = [((number * 7919) % 170000) / 1000 - 85, ((number * 104729) % 359000) / 1000 - 179];
      yield `place ${number},${number % 1000},${lat.toFixed(5)},${lon.toFixed(5)}\n`;
    }
  };
  if (!(await stat(file).catch(() => null))) await pipeline(lines, createWriteStream(file));
  const reading = ['X_POSSIBLE_NAMES=lon', 'Y_POSSIBLE_NAMES=lat', 'AUTODETECT_TYPE=YES'].flatMap((one) => [
    '-oo',
    one,
  ]);
  return { name: `${count} points from CSV`, file, args: [...reading, '-s_srs', 'EPSG:4326'] };
}

async function polygons(count: number): Promise<Subject> {
  const file = join(folder, `polygons-${count}.gpkg`);
  const text = join(folder, `polygons-${count}.geojsonl`);
  if (!(await stat(file).catch(() => null))) {
    const lines = function* () {
      for (let number = 0; number < count; number += 1) yield `${JSON.stringify(polygon(number))}\n`;
    };
    await pipeline(lines, createWriteStream(text));
    await timeCommand('ogr2ogr', ['-f', 'GPKG', file, `GeoJSONSeq:${text}`, '-nln', 'polygons']);
    await rm(text);
  }
  return { name: `${count} polygons from GPKG`, file, args: ['-nlt', 'PROMOTE_TO_MULTI'] };
}

/** A ring of 17 points about a place of its own. */
function polygon(number: number) {
  const [x, y] = [(number % 3000) * 0.1 - 150, Math.floor(number / 3000) * 0.1 - 80];
  const ring = Array.from({ length: 16 }, (_, corner) => {
    const angle = (corner / 16) * 2 * Math.PI;
    return [x + 0.04 * Math.cos(angle), y + 0.04 * Math.sin(angle)];
  });
  const coordinates = [[...ring, ring[0]]];
  const properties = { name: `field ${number}`, code: number % 97, area: number / 7 };
  return { type: 'Feature', properties, geometry: { type: 'Polygon', coordinates } };
}

async function ask(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(statement).finally(() => client.end());
}

function reportLines(subject: Subject, outcomes: readonly Outcome[], rounds: number, cpu: CpuTimes): string[] {
  const [mine, theirs] = outcomes.map(({ medianSeconds }) => medianSeconds);
  const ratio = (mine ?? Number.NaN) / (theirs ?? Number.NaN);
  return [
    `## ingest_vector, ${subject.name}`,
    '',
    `\`./run bench vector\`, ${rounds} rounds, ${machineLine()}, ${firstLine('ogr2ogr', ['--version'])}. Ratio ${ratio.toFixed(2)}.`,
    '',
    '| | median | CPU, the database’s too | peak memory |',
    '|---|---|---|---|',
    ...outcomes.map(
      ({ name, medianSeconds, peakMiB }) =>
        `| ${name} | ${medianSeconds.toFixed(2)} s | ${cpu.median(name).toFixed(2)} s | ${peakMiB} MiB |`,
    ),
    '',
  ];
}
