import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jsonBytes, jsonExceeds } from '../../core/json.ts';

test('a value exceeds a limit from the first byte above it on, whatever its characters take', () => {
  // As JSON with its quotes: 1, 2, 3 bytes a character, 4 for a surrogate pair, 2 for a line break.
  for (const character of ['a', 'é', '€', '🌍', '\n']) {
    for (const length of [1, 10, 33, 34, 100]) {
      const text = character.repeat(length);
      const bytes = jsonBytes(text);
      assert.equal(jsonExceeds(text, bytes), false, `${character} x ${length}`);
      assert.equal(jsonExceeds(text, bytes - 1), true, `${character} x ${length}`);
      assert.equal(jsonExceeds(text, 3 * bytes), false);
    }
  }
  assert.equal(jsonExceeds(undefined, 0), false);
});
