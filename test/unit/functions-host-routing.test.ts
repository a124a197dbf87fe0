import assert from 'node:assert/strict';
import { test } from 'node:test';
import { routes } from '../../src/http/routes/index.ts';
import { parseConstraint } from '../../src/local/functions-host/http/constraints.ts';
import {
  matchRoute,
  parseRouteTemplate,
  RouteTemplateError,
} from '../../src/local/functions-host/http/route-template.ts';
import { buildRouter, pathSegments } from '../../src/local/functions-host/http/router.ts';

/** `GET name` at each route; the answer is the function that is called, with its route values. */
function table(routes: Readonly<Record<string, string>>, prefix = 'api') {
  const router = buildRouter(
    Object.entries(routes).map(([functionName, line]) => {
      const [methods = '', route = ''] = line.includes(' ') ? line.split(' ') : ['GET', line];
      return { functionName, methods: methods.split(','), route };
    }),
    prefix,
  );
  return {
    conflicts: router.conflicts,
    call(line: string) {
      const [method = '', path = ''] = line.split(' ');
      const match = router.match(method, path);
      return match && [match.route.functionName, match.params];
    },
  };
}

test('a literal goes before a constrained parameter, before a parameter, before a catch-all', () => {
  const { call } = table({
    rest: 'jobs/{*path}',
    one: 'jobs/{id}',
    number: 'jobs/{id:int}',
    types: 'jobs/types',
    list: 'jobs',
  });
  assert.deepEqual(call('GET /api/jobs/types'), ['types', {}]);
  assert.deepEqual(call('GET /api/JOBS/Types/'), ['types', {}]);
  assert.deepEqual(call('GET /api/jobs/42'), ['number', { id: '42' }]);
  assert.deepEqual(call('GET /api/jobs/abc'), ['one', { id: 'abc' }]);
  assert.deepEqual(call('GET /api/jobs/a/b/c'), ['rest', { path: 'a/b/c' }]);
  assert.deepEqual(call('GET /api/jobs'), ['list', {}]);
  assert.equal(call('GET /jobs/types'), null);
  assert.equal(call('GET /api/job'), null);
});

test('the more specific segment decides from the left', () => {
  const { call } = table({ status: 'jobs/status/{id}', tasks: 'jobs/{id}/tasks', any: '{a}/{b}/{c}' });
  assert.deepEqual(call('GET /api/jobs/status/tasks'), ['status', { id: 'tasks' }]);
  assert.deepEqual(call('GET /api/jobs/7/tasks'), ['tasks', { id: '7' }]);
  assert.deepEqual(call('GET /api/jobs/7/other'), ['any', { a: 'jobs', b: '7', c: 'other' }]);
});

test('a route of another method does not match, so the next one is tried and the end is 404', () => {
  const { call } = table({ submit: 'POST jobs/{type}', read: 'GET jobs/{id}', both: 'PUT,DELETE jobs/{id}' });
  assert.deepEqual(call('POST /api/jobs/x'), ['submit', { type: 'x' }]);
  assert.deepEqual(call('GET /api/jobs/x'), ['read', { id: 'x' }]);
  assert.deepEqual(call('DELETE /api/jobs/x'), ['both', { id: 'x' }]);
  assert.equal(call('PATCH /api/jobs/x'), null);
  assert.equal(call('HEAD /api/jobs/x'), null);
});

test('optional parameters, defaults and files in one segment', () => {
  const { call } = table({
    optional: 'optional/{id?}',
    preset: 'preset/{page:int=1}',
    middle: 'accounts/{account?}/products/{product?}',
    file: 'files/{name}.{ext?}',
    version: 'v{major:int}/{rest?}',
  });
  assert.deepEqual(call('GET /api/optional'), ['optional', {}]);
  assert.deepEqual(call('GET /api/optional/5'), ['optional', { id: '5' }]);
  assert.equal(call('GET /api/optional/5/6'), null);
  assert.deepEqual(call('GET /api/preset'), ['preset', { page: '1' }]);
  assert.deepEqual(call('GET /api/preset/3'), ['preset', { page: '3' }]);
  assert.equal(call('GET /api/preset/x'), null);
  assert.deepEqual(call('GET /api/accounts/7/products'), ['middle', { account: '7' }]);
  assert.deepEqual(call('GET /api/files/a.b.tif'), ['file', { name: 'a.b', ext: 'tif' }]);
  assert.deepEqual(call('GET /api/files/plain'), ['file', { name: 'plain' }]);
  assert.deepEqual(call('GET /api/v2'), ['version', { major: '2' }]);
  assert.equal(call('GET /api/vx'), null);
});

test('an empty segment is no value', () => {
  const { call } = table({ one: 'jobs/{id}/tasks', rest: 'all/{*path}' });
  assert.equal(call('GET /api/jobs//tasks'), null);
  assert.deepEqual(call('GET /api/all'), ['rest', {}]);
  assert.deepEqual(call('GET /api/all/a//b'), ['rest', { path: 'a//b' }]);
});

test('segments are decoded once; an encoded slash and broken escapes stay as they are', () => {
  assert.deepEqual(pathSegments('/api/gr%C3%BCn%20x/a%2Fb%2fc/%zz/100%25/%ff/'), [
    'api',
    'grün x',
    'a%2Fb%2fc',
    '%zz',
    '100%',
    '%ff',
  ]);
  const { call } = table({ one: 'files/{name}' });
  assert.deepEqual(call('GET /api/files/a%2Fb.tif'), ['one', { name: 'a%2Fb.tif' }]);
});

test('an empty prefix and a route of its own slash', () => {
  assert.deepEqual(table({ root: '{*path}' }, '').call('GET /a/b'), ['root', { path: 'a/b' }]);
});

test('constraints are those of ASP.NET routing', () => {
  for (const [constraint, good, bad] of [
    ['int', ['0', '-5', '2147483647'], ['2147483648', '1.5', 'x']],
    ['long', ['9223372036854775807'], ['9223372036854775808']],
    ['bool', ['true', 'FALSE'], ['1']],
    ['guid', ['0f8fad5b-d9cb-469f-a165-70867728950e', '{0F8FAD5BD9CB469FA16570867728950E'.slice(1)], ['0f8fad5b']],
    ['decimal', ['1.5', '-3'], ['1e5', 'NaN']],
    ['double', ['1e5'], ['Infinity', '']],
    ['datetime', ['2024-02-29', '2024-02-29T10:00:00Z'], ['soon']],
    ['alpha', ['abcXYZ'], ['ab1']],
    ['minlength(2)', ['ab'], ['a']],
    ['length(2,3)', ['ab', 'abc'], ['a', 'abcd']],
    ['length(2)', ['ab'], ['abc']],
    ['range(1,5)', ['1', '5'], ['0', '6', 'x']],
    ['max(3)', ['-9', '3'], ['4']],
    ['regex(^[0-9a-f]{64}$)', ['ab'.repeat(32)], ['ab']],
    ['file', ['a.tif'], ['a', 'a.']],
  ] as const) {
    const fits = parseConstraint(constraint);
    assert.ok(fits, constraint);
    for (const value of good) assert.equal(fits(value), true, `${constraint} ${value}`);
    for (const value of bad) assert.equal(fits(value), false, `${constraint} ${value}`);
  }
  for (const unknown of ['integer', 'int(3)', 'min', 'range(1)', ''])
    assert.equal(parseConstraint(unknown), null, unknown);
});

test('a regular expression may hold escaped braces and slashes', () => {
  const template = parseRouteTemplate('x/{id:regex(^\\d{{3}}/?$)}/y');
  assert.deepEqual(matchRoute(template, ['x', '123', 'y']), { id: '123' });
  assert.equal(matchRoute(template, ['x', '1234', 'y']), null);
});

test('routes that ASP.NET refuses are refused', () => {
  for (const route of [
    'a/{id',
    'a//b',
    '{*path}/x',
    '{id}/{ID}',
    '{a}{b}',
    '{id:nope}',
    '{}',
    '{id=1?}',
    'x{*p}',
    'a{b?}',
  ]) {
    assert.throws(() => parseRouteTemplate(route), RouteTemplateError, route);
  }
});

test('a route that Azure, going by names, would hide behind a wider one is named', () => {
  const hidden = table({ a_detail: 'jobs/{id}', b_types: 'jobs/types' });
  assert.equal(hidden.conflicts.length, 1);
  assert.match(hidden.conflicts[0] ?? '', /'api\/jobs\/\{id\}' of a_detail hides 'api\/jobs\/types' of b_types/);
  for (const fine of [
    { a_types: 'jobs/types', b_detail: 'jobs/{id}' },
    { a_detail: 'jobs/{id:int}', b_types: 'jobs/types' },
    { a_detail: 'POST jobs/{id}', b_types: 'GET jobs/types' },
    { a_detail: 'jobs/{id}/tasks', b_types: 'jobs/types' },
    { a_rest: 'other/{*path}', b_types: 'jobs/types' },
    // Only `jobs/submit/cancel` fits both: neither hides the other.
    { a_cancel: 'jobs/{id}/cancel', b_submit: 'jobs/submit/{type}' },
  ]) {
    assert.deepEqual(table(fine).conflicts, []);
  }
  assert.equal(table({ a_all: '{*path}', b_types: 'jobs/types' }).conflicts.length, 1);
  assert.match(table({ a: 'jobs/{x}', b: 'jobs/{y}' }).conflicts.join(), /a and b answer the same path/);
});

test('no route of the project is hidden by another in Azure', () => {
  const { conflicts } = table(Object.fromEntries(routes.map(({ name, method, path }) => [name, `${method} ${path}`])));
  assert.deepEqual(conflicts, []);
});
