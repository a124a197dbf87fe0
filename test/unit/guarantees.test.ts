import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const page = readFileSync(new URL('../../docs/guarantees.md', import.meta.url), 'utf8');

/** Names such as `unit/engine-flow`, or of folders, such as `chaos/`. */
const named = [...page.matchAll(/`((?:unit|contract|model|integration|crash|chaos)\/[a-z-]*)`/g)].map(
  ([, name]) => name,
);

test('the tests that docs/guarantees.md names are there', () => {
  assert.ok(named.length > 20);
  const files = readdirSync(new URL('..', import.meta.url), { recursive: true, encoding: 'utf8' });
  for (const name of named)
    assert.ok(
      files.some((file) => file.replaceAll('\\', '/').startsWith(`${name}`)),
      name,
    );
});
