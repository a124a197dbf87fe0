import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { errorCatalogue } from '../../core/errors.ts';

const folder = join(import.meta.dirname, '..');

test('every error code is named by a test', () => {
  const tests = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  const words = new Set(
    tests.flatMap((name) => readFileSync(join(folder, name), 'utf8').match(/\b[A-Z][A-Z_]+\b/g) ?? []),
  );
  assert.deepEqual(
    Object.keys(errorCatalogue).filter((code) => !words.has(code)),
    [],
  );
});
