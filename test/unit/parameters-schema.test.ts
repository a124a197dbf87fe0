import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { CoreMachineError } from '../../core/errors.ts';
import type { JobDefinition } from '../../core/job.ts';
import type { JsonObject } from '../../core/json.ts';
import { parseParameters } from '../../core/machine/parameters.ts';
import { createH3Base } from '../../jobs/create-h3-base.ts';
import { ingestVector } from '../../jobs/ingest-vector.ts';
import { processRaster } from '../../jobs/process-raster.ts';
import { parametersSchema } from '../../src/http/routes/job-types.ts';

const ids = { dataset_id: 'bronze', resource_id: 'a.tif', version_id: 'v1' };
const place = { container_name: 'bronze', blob_name: 'a.tif' };
const table = { target_table: 't', target_schema: 'geo' };

const bodies: readonly (readonly [JobDefinition, JsonObject, boolean])[] = [
  [processRaster, ids, true],
  [processRaster, { ...place, version_id: 'v1' }, true],
  [processRaster, { ...place, ...ids }, true],
  [processRaster, { container_name: 'bronze', resource_id: 'a.tif' }, true],
  [processRaster, { dataset_id: 'bronze' }, false],
  [processRaster, { blob_name: 'a.tif', version_id: 'v1' }, false],
  [processRaster, { ...ids, version_id: ' ' }, false],
  [processRaster, { ...ids, version_id: 1 }, false],
  [processRaster, { ...ids, target_table: 't' }, false],
  [processRaster, { ...ids, colour: 'red' }, false],
  [ingestVector, { ...ids, resource_id: 'a.gpkg', ...table }, true],
  // Where there is no place to stand for, the ids are kept all the same.
  [createH3Base, { resolution: 1, ...ids }, true],
  [createH3Base, ids, false],
];

for (const [definition, body, isRight] of bodies) {
  test(`${definition.name} ${JSON.stringify(body)}: the JSON Schema and the submission agree`, () => {
    const ajv = new Ajv2020({ strict: false, formats: { 'date-time': true, date: true } });
    assert.deepEqual([ajv.validate(parametersSchema(definition), body), isTaken(definition, body)], [isRight, isRight]);
  });
}

function isTaken(definition: JobDefinition, body: JsonObject): boolean {
  try {
    parseParameters(definition, body);
    return true;
  } catch (error) {
    assert.ok(error instanceof CoreMachineError);
    return false;
  }
}
