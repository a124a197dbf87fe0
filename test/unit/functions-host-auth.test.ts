import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AuthLevel, isAuthorized, presentedKey } from '../../src/local/functions-host/http/keys.ts';

const keys = { function: ['host-key'], admin: ['master-key'], perFunction: { only: ['only-key'] } };

test('who may call what', () => {
  const rows: readonly [AuthLevel, string, string | null, boolean][] = [
    ['anonymous', 'f', null, true],
    ['anonymous', 'f', 'wrong', true],
    ['function', 'f', null, false],
    ['function', 'f', '', false],
    ['function', 'f', 'wrong', false],
    ['function', 'f', 'host-key', true],
    ['function', 'f', 'host-key ', false],
    ['function', 'f', 'HOST-KEY', false],
    ['function', 'f', 'master-key', true],
    ['function', 'f', 'only-key', false],
    ['function', 'only', 'only-key', true],
    ['admin', 'only', 'only-key', false],
    ['admin', 'f', 'host-key', false],
    ['admin', 'f', 'master-key', true],
  ];
  for (const [level, name, key, allowed] of rows) {
    assert.equal(isAuthorized(level, name, key, keys), allowed, `${level} ${name} ${key}`);
  }
});

test('without keys nothing is checked; with none given nobody gets in', () => {
  assert.equal(isAuthorized('admin', 'f', null, null), true);
  assert.equal(isAuthorized('function', 'f', 'x', { function: [], admin: [] }), false);
});

test('a header goes before the query, even an empty or wrong one', () => {
  const query = new URLSearchParams('code=from-query');
  assert.equal(presentedKey({}, query), 'from-query');
  assert.equal(presentedKey({ 'x-functions-key': 'from-header' }, query), 'from-header');
  assert.equal(presentedKey({ 'x-functions-key': '' }, query), '');
  assert.equal(presentedKey({}, new URLSearchParams()), null);
});
