import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { describe, test } from 'node:test';
import pg from 'pg';
import { feature } from 'topojson-client';
import type { GeometryCollection, Topology } from 'topojson-specification';
import type { CoreMachineError } from '../../core/errors.ts';
import type { InstantName } from '../../core/instants.ts';
import type { JobDefinition } from '../../core/job.ts';
import type { JsonObject } from '../../core/json.ts';
import { runJob } from '../../core/testing/run-job.ts';
import { worldCells } from '../../handlers/h3/cells.ts';
import { bootstrapH3LandGridPyramid } from '../../jobs/bootstrap-h3-land-grid-pyramid.ts';
import { createH3Base } from '../../jobs/create-h3-base.ts';
import { generateH3Level4 } from '../../jobs/generate-h3-level4.ts';
import { stacServices } from '../tools/stac-services.ts';
import { stacProblems } from '../tools/stac-validator.ts';

const stac = await stacServices({ ogcFeaturesBaseUrl: 'https://features.example.org' });
const client = new pg.Client({ connectionString: stac.databaseUrl });
await client.connect();
stac.beforeClosing(() => client.end());

/** The error of a job under which a cell of a grid is lost before its last stage begins. */
async function losingCell(job: JobDefinition, parameters: JsonObject, gridId: string) {
  const lastStage = job.stages.length;
  let lost = 0;
  const instants = async (name: InstantName, { stage }: { stage: number }) => {
    if (name !== 'stage-planned' || stage !== lastStage) return;
    const cell = 'SELECT max(h3_index) FROM h3.grids WHERE grid_id = $1';
    const { rowCount } = await client.query(`DELETE FROM h3.grids WHERE grid_id = $1 AND h3_index = (${cell})`, [
      gridId,
    ]);
    lost += rowCount ?? 0;
  };
  const { job: ended } = await runJob(job, parameters, { services: stac.services, instants });
  assert.equal(lost, 1);
  return ended.error;
}

async function run(job: JobDefinition, parameters: JsonObject): Promise<JsonObject> {
  const { job: ended } = await runJob(job, parameters, { services: stac.services });
  assert.equal(ended.status, 'completed', JSON.stringify(ended.error));
  return ended.result ?? {};
}

/** The code of a submit that is refused, and the paths of its problems. */
async function refusal(job: JobDefinition, parameters: JsonObject): Promise<unknown> {
  return runJob(job, parameters, { services: stac.services }).then(
    ({ job: { status } }) => status,
    ({ code, details = [] }: CoreMachineError) => [code, details.map(({ path }) => path)],
  );
}

/** One row of one number a column. */
async function ask(statement: string, parameters: unknown[] = []): Promise<Record<string, unknown>> {
  return (await client.query(statement, parameters)).rows[0] ?? {};
}

const census = `SELECT count(*)::int AS cells, count(*) FILTER (WHERE NOT ST_IsValid(geom))::int AS invalid,
    count(*) FILTER (WHERE ST_XMax(geom) - ST_XMin(geom) > 180 AND GeometryType(geom) = 'POLYGON')::int AS wide,
    count(DISTINCT h3_index)::int AS different, round(sum(ST_Area(geom::geography) / 1e12)::numeric) AS area
  FROM h3.grids WHERE grid_id = $1`;
/** Of the earth, in millions of square kilometres. */
const earth = 510;

describe('create_h3_base', () => {
  for (const [resolution, count] of [122, 842, 5_882, 41_162, 288_122].entries()) {
    test(`the whole world at resolution ${resolution}: ${count} cells, all valid`, { timeout: 120_000 }, async () => {
      const result = await run(createH3Base, { resolution, exclude_antimeridian: false });
      assert.equal(result.total_cells, count);
      assert.equal(worldCells(resolution), count);
      const rows = await ask(census, [`global_res${resolution}`]);
      assert.deepEqual(
        { cells: rows.cells, invalid: rows.invalid, different: rows.different },
        { cells: count, invalid: 0, different: count },
      );
      // Around a pole lies the one cell as wide as the map, and no other.
      assert.ok(Number(rows.wide) <= 2, `${rows.wide} wide polygons`);
      assert.ok(resolution === 0 || Math.abs(Number(rows.area) - earth) <= 3, `${rows.area} million km²`);
    });
  }

  test('the result has its keys, and the item is in the catalogue', async () => {
    const result = await run(createH3Base, { resolution: 1, exclude_antimeridian: false });
    const { job_id, performance, ...rest } = result;
    assert.match(String(job_id), /^[0-9a-f]{64}$/);
    assert.deepEqual(Object.keys(performance as JsonObject), ['processing_time_seconds', 'cells_per_second']);
    assert.deepEqual(rest, {
      job_type: 'create_h3_base',
      status: 'completed',
      grid_id: 'global_res1',
      total_cells: 842,
      excluded_cells: 0,
      bbox: [-180, -90, 180, 90],
      postgis_table: 'h3.grids',
      ogc_features_url: 'https://features.example.org/collections/h3.grids/items?grid_id=global_res1',
      stac_item_id: 'h3-global_res1',
      resolution: 1,
      stages_completed: 2,
      total_tasks_executed: 123,
      tasks_by_status: { completed: 123, failed: 0 },
    });
    const item = await stac.services.catalogue.getItem('system-h3-grids', 'h3-global_res1');
    assert.ok(item);
    assert.deepEqual(await stacProblems(item), []);
    assert.equal((item.properties as JsonObject)['table:row_count'], 842);
    assert.equal((item.assets as Record<string, JsonObject>).data?.href, rest.ogc_features_url);
  });

  test('cells that the antimeridian goes through are left out, and counted; run again with them, they are there', async () => {
    const parameters = { resolution: 2 };
    const without = await run(createH3Base, parameters);
    const [stored, excluded] = [Number(without.total_cells), Number(without.excluded_cells)];
    assert.equal(stored + excluded, 5_882);
    assert.ok(excluded > 20 && excluded < 200, `${excluded}`);
    const crossing = await ask(
      `SELECT count(*)::int AS n FROM h3.grids WHERE grid_id = 'global_res2' AND ST_XMax(geom) - ST_XMin(geom) > 180`,
    );
    assert.equal(crossing.n, 0);
    assert.equal((await run(createH3Base, { ...parameters, exclude_antimeridian: false })).total_cells, 5_882);
    assert.equal((await ask(census, ['global_res2'])).cells, 5_882);
  });

  test('what is no resolution, or no parameter, is refused', async () => {
    for (const [parameters, path] of [
      [{}, 'resolution'],
      [{ resolution: 5 }, 'resolution'],
      [{ resolution: -1 }, 'resolution'],
      [{ resolution: 1.5 }, 'resolution'],
      [{ resolution: '2' }, 'resolution'],
      [{ resolution: 2, exclude_antimeridian: 'no' }, 'exclude_antimeridian'],
      [{ resolution: 2, grid_id: 'x' }, 'grid_id'],
    ] as const) {
      assert.deepEqual(await refusal(createH3Base, parameters), ['INVALID_PARAMETERS', [path]], path);
    }
  });

  test('a cell that was stored and is not in the table fails the job', async () => {
    const error = await losingCell(createH3Base, { resolution: 0, exclude_antimeridian: false }, 'global_res0');
    assert.equal(error?.code, 'GRID_INCOMPLETE');
    assert.match(error.message, /121 cells lie in global_res0, 122 were stored/);
  });

  test('every child has its parent in the coarser grid', async () => {
    for (const resolution of [1, 2]) await run(createH3Base, { resolution, exclude_antimeridian: false });
    assert.equal(await stac.services.grids.missingParents('global_res2', 'global_res1'), 0);
  });
});

describe('generate_h3_level4', () => {
  test('81,767 cells of Natural Earth’s land, with countries; again: the same', { timeout: 120_000 }, async () => {
    for (const _time of [1, 2]) {
      const result = await run(generateH3Level4, {});
      assert.deepEqual([result.land_cells, result.grid_id, result.resolution], [81_767, 'land_res4', 4]);
    }
    const rows = await ask(census, ['land_res4']);
    assert.deepEqual([rows.cells, rows.invalid], [81_767, 0]);
    const kenya = await ask(
      `SELECT count(*)::int AS cells, bool_and(is_land) AS land FROM h3.grids
       WHERE grid_id = 'land_res4' AND country_code = 'KEN'`,
    );
    // 580,000 km² at some 1,770 km² a cell.
    assert.ok(Number(kenya.cells) > 280 && Number(kenya.cells) < 380, `${kenya.cells}`);
    assert.equal(kenya.land, true);
  });

  test('land of one’s own: a GeoJSON blob, and a PostGIS table', async () => {
    const ring = [
      [10, 50],
      [14, 50],
      [14, 53],
      [10, 53],
      [10, 50],
    ];
    const feature = {
      type: 'Feature',
      properties: { ISO_A3: 'DEU' },
      geometry: { type: 'Polygon', coordinates: [ring] },
    };
    const blob = { container: stac.container, name: 'land.geojson' };
    const bytes = Buffer.from(JSON.stringify({ type: 'FeatureCollection', features: [feature] }));
    await stac.services.blobs.upload(blob, bytes, { contentType: 'application/geo+json' });
    const fromBlob = await run(generateH3Level4, {
      land_source: { container_name: blob.container, blob_name: blob.name },
    });
    await client.query(`CREATE SCHEMA IF NOT EXISTS geo;
      CREATE TABLE geo."my ""land" (iso_a3 text, shape geometry(Polygon, 3857));
      CREATE TABLE geo.land (iso_a3 text, shape geometry(Polygon, 3857));
      INSERT INTO geo.land SELECT 'DEU', ST_Transform(ST_MakeEnvelope(10, 50, 14, 53, 4326), 3857)`);
    const fromTable = await run(generateH3Level4, { land_source: { schema: 'geo', table: 'land' } });
    assert.equal(fromBlob.land_cells, fromTable.land_cells);
    assert.ok(Number(fromTable.land_cells) > 40, `${fromTable.land_cells}`);
    const codes = await ask(
      `SELECT array_agg(DISTINCT country_code) AS codes FROM h3.grids WHERE grid_id = 'land_res4'`,
    );
    assert.deepEqual(codes.codes, ['DEU']);
  });

  test('Natural Earth as land of one’s own has the cells of the default', { timeout: 120_000 }, async () => {
    const atlas = createRequire(import.meta.url)('world-atlas/land-110m.json') as Topology<{
      land: GeometryCollection;
    }>;
    const land = feature(atlas, atlas.objects.land);
    const blob = { container: stac.container, name: 'natural-earth.geojson' };
    await stac.services.blobs.upload(blob, Buffer.from(JSON.stringify(land)), { contentType: 'application/geo+json' });
    const fromBlob = { container_name: blob.container, blob_name: blob.name };
    await client.query(
      'CREATE SCHEMA IF NOT EXISTS geo; CREATE TABLE geo.natural_earth (geom geometry(Geometry, 4326))',
    );
    for (const { geometry } of land.features) {
      await client.query('INSERT INTO geo.natural_earth VALUES (ST_GeomFromGeoJSON($1))', [JSON.stringify(geometry)]);
    }
    for (const land_source of [fromBlob, { schema: 'geo', table: 'natural_earth' }]) {
      assert.equal((await run(generateH3Level4, { land_source })).land_cells, 81_767, JSON.stringify(land_source));
    }
  });

  test('what is no land is refused with its code', async () => {
    const blob = { container: stac.container, name: 'text.geojson' };
    const place = { container_name: blob.container, blob_name: blob.name };
    const code = async (land_source: JsonObject) =>
      runJob(generateH3Level4, { land_source }, { services: stac.services }).then(
        ({ job }) => job.error?.code,
        (error: { code?: string }) => error.code,
      );
    for (const text of [
      'no JSON',
      '{"type":"Point","coordinates":[0,0]}',
      '{"type":"FeatureCollection","features":[]}',
    ]) {
      await stac.services.blobs.upload(blob, Buffer.from(text), { contentType: 'application/json' });
      assert.equal(await code(place), 'LAND_INVALID', text);
    }
    assert.equal(await code({ ...place, blob_name: 'none' }), 'FILE_NOT_FOUND');
    assert.equal(await code({ schema: 'geo', table: 'none' }), 'TABLE_NOT_FOUND');
    for (const table of ['land; DROP TABLE h3.grids', 'a"b', "a'b", '../x', 'x'.repeat(64)]) {
      assert.equal(await code({ schema: 'geo', table }), 'INVALID_PARAMETERS', table);
    }
  });
});

describe('bootstrap_h3_land_grid_pyramid', () => {
  test('a country, resolutions 3 to 5: every child has its parent; a smaller batch changes nothing', async () => {
    const parameters = { country_filter: 'LUX', target_resolutions: [5, 3, 4] };
    const result = await run(bootstrapH3LandGridPyramid, parameters);
    const base = await ask(`SELECT count(*)::int AS n FROM h3.grids WHERE grid_id = 'land_lux_res2'`);
    assert.ok(Number(base.n) >= 1 && Number(base.n) <= 3, `${base.n}`);
    const n = Number(base.n);
    assert.deepEqual(result.resolution_stats, { 3: 7 * n, 4: 49 * n, 5: 343 * n });
    assert.deepEqual(
      [result.grid_id_prefix, result.filter_type, result.total_cells, result.verified],
      ['land_lux', 'country', 399 * n, true],
    );
    const again = await run(bootstrapH3LandGridPyramid, { ...parameters, cascade_batch_size: 1 });
    assert.deepEqual(again.resolution_stats, result.resolution_stats);
    const codes = await ask(
      `SELECT count(*) FILTER (WHERE country_code = 'LUX')::int AS inside, count(*)::int AS all
       FROM h3.grids WHERE grid_id = 'land_lux_res5'`,
    );
    // 2,586 km² at some 253 km² a cell.
    assert.ok(Number(codes.inside) >= 6 && Number(codes.inside) <= 16, `${codes.inside} of ${codes.all}`);
  });

  test('a cell that was stored and is not in the table, or has no parent there, fails the job', async () => {
    const parameters = { country_filter: 'BEL', target_resolutions: [3, 4] };
    const child = await losingCell(bootstrapH3LandGridPyramid, parameters, 'land_bel_res4');
    assert.match(JSON.stringify(child), /GRID_INCOMPLETE.*land_bel_res4: \d+ cells, 0 of them without a parent/);
    const again = { ...parameters, cascade_batch_size: 1 };
    const parent = await losingCell(bootstrapH3LandGridPyramid, again, 'land_bel_res2');
    assert.match(JSON.stringify(parent), /GRID_INCOMPLETE.*land_bel_res3: \d+ cells, 7 of them without a parent/);
  });

  test('a box across the antimeridian: Fiji; skipped resolutions have the next coarser one as parent', async () => {
    const result = await run(bootstrapH3LandGridPyramid, {
      bbox_filter: [176, -20, -178, -15],
      target_resolutions: [3, 5],
    });
    assert.equal(result.filter_type, 'bbox');
    const prefix = String(result.grid_id_prefix);
    assert.match(prefix, /^land_b[0-9a-f]{8}$/);
    const rows = await ask(census, [`${prefix}_res5`]);
    assert.equal(rows.invalid, 0);
    assert.equal(await stac.services.grids.missingParents(`${prefix}_res5`, `${prefix}_res3`), 0);
  });

  test('what is no area, resolution or batch is refused', async () => {
    for (const [parameters, path] of [
      [{ country_filter: 'Kenya' }, 'country_filter'],
      [{ country_filter: 'XXX' }, 'country_filter'],
      [{ country_filter: "KEN'; DROP TABLE h3.grids" }, 'country_filter'],
      [{ bbox_filter: [1, 2, 3] }, 'bbox_filter'],
      [{ bbox_filter: [0, 10, 1, 5] }, 'bbox_filter'],
      [{ bbox_filter: [-181, 0, 1, 5] }, 'bbox_filter.0'],
      [{ target_resolutions: [] }, 'target_resolutions'],
      [{ target_resolutions: [3, 3] }, 'target_resolutions'],
      [{ target_resolutions: [2] }, 'target_resolutions.0'],
      [{ target_resolutions: [11] }, 'target_resolutions.0'],
      [{ cascade_batch_size: 0 }, 'cascade_batch_size'],
      [{ resolution: 4 }, 'resolution'],
    ] as const) {
      assert.deepEqual(
        await refusal(bootstrapH3LandGridPyramid, parameters as unknown as JsonObject),
        ['INVALID_PARAMETERS', [path]],
        JSON.stringify(parameters),
      );
    }
  });

  test('a pyramid of more cells than the database is to have is refused before any is made', async () => {
    const services = { ...stac.services, settings: { ...stac.services.settings, h3MaxCells: 1_000_000 } };
    const { job } = await runJob(bootstrapH3LandGridPyramid, { country_filter: 'CAN' }, { services });
    assert.equal(job.status, 'failed');
    assert.match(
      JSON.stringify(job.error),
      /GRID_TOO_LARGE.*would have \d{7} cells.*give country_filter or bbox_filter/,
    );
    const { n } = await ask(`SELECT count(*)::int AS n FROM h3.grids WHERE grid_id = 'land_can_res3'`);
    assert.equal(n, 0);
  });

  test('a pyramid of all land leaves the land grid of resolution 4 alone, and goes when its land does', async () => {
    const box = (east: number) =>
      client.query(`CREATE SCHEMA IF NOT EXISTS geo; DROP TABLE IF EXISTS geo.isle;
        CREATE TABLE geo.isle AS SELECT ST_MakeEnvelope(10, 50, ${east}, 51, 4326)::geometry(Polygon, 4326) AS geom`);
    const parameters = { land_source: { schema: 'geo', table: 'isle' }, target_resolutions: [3, 4] };
    await box(16);
    const level4 = await run(generateH3Level4, { land_source: parameters.land_source });
    const wide = await run(bootstrapH3LandGridPyramid, parameters);
    assert.equal(wide.grid_id_prefix, 'land_world');
    assert.equal((await ask(census, ['land_res4'])).cells, level4.land_cells);
    await box(11);
    const narrow = await run(bootstrapH3LandGridPyramid, { ...parameters, cascade_batch_size: 9 });
    assert.ok(Number(narrow.total_cells) < Number(wide.total_cells));
    for (const resolution of ['3', '4']) {
      const stored = await ask(census, [`land_world_res${resolution}`]);
      assert.equal(stored.cells, (narrow.resolution_stats as JsonObject)[resolution]);
    }
  });

  test('an area at sea is refused', async () => {
    const { job } = await runJob(
      bootstrapH3LandGridPyramid,
      { bbox_filter: [-40, -40, -39, -39], target_resolutions: [3] },
      { services: stac.services },
    );
    assert.equal(job.error?.code, 'GRID_EMPTY');
  });
});
