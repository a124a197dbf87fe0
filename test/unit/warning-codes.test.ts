import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type VectorWarning, warningCatalogue } from '../../core/warnings.ts';
import { rasterWarning } from '../../handlers/raster/schemas.ts';
import { warning } from '../../handlers/raster/warnings.ts';
import { projectRoot } from '../../src/cli/setup/paths.ts';

const codes = Object.keys(warningCatalogue);

test('docs/errors.md says of every warning what it means and what to do', () => {
  const page = readFileSync(join(projectRoot, 'docs/errors.md'), 'utf8');
  for (const [code, { meaning, remedy }] of Object.entries(warningCatalogue)) {
    const row = page.split('\n').find((line) => line.startsWith(`| \`${code}\` |`)) ?? '';
    assert.ok(row.includes(meaning) && row.includes(remedy), code);
  }
});

test('every warning code is named by a test other than this', () => {
  const folder = join(projectRoot, 'test');
  const tests = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  const others = tests.filter((name) => !name.endsWith('warning-codes.test.ts'));
  const words = new Set(
    others.flatMap((name) => readFileSync(join(folder, name), 'utf8').match(/\b[A-Z][A-Z_]+\b/g) ?? []),
  );
  assert.deepEqual(
    codes.filter((code) => !words.has(code)),
    [],
  );
});

// Each expect-error is itself a check: when the mistake compiles, the type check fails.
test('a warning outside of the catalogue does not compile, and is no result', () => {
  // @ts-expect-error no code at all
  assert.throws(() => warning('SOMETHING_ODD', 'x'));
  // @ts-expect-error one of a vector
  warning('SHORT_ROWS', 'x');
  // @ts-expect-error one of a raster
  const vector: VectorWarning = { code: 'TYPE_MISMATCH', message: 'x' };
  assert.equal(vector.message, 'x');
  assert.ok(!rasterWarning.safeParse({ code: 'SOMETHING_ODD', severity: 'warning', message: 'x' }).success);
  assert.ok(rasterWarning.safeParse(warning('TYPE_MISMATCH', 'x')).success);
  assert.equal(warning('ALL_NODATA', 'x').severity, 'info');
});
