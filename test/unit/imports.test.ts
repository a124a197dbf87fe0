import assert from 'node:assert/strict';
import { test } from 'node:test';
import { importsOf, type SourceFile, sourceFiles } from '../tools/source-files.ts';

/**
 * What each top-level folder may import: folders of the project, and outside names. A name also covers what lies under
 * it (`sharp` covers `sharp/lib`). `*` stands for every outside name except those that are some folder's alone.
 */
interface Rule {
  readonly folders: readonly string[];
  readonly outside: readonly string[];
}

const rules: Readonly<Record<string, Rule>> = {
  core: { folders: ['core'], outside: ['zod'] },
  handlers: {
    folders: ['core', 'handlers'],
    outside: [
      ...['zod', 'sharp', 'proj4', 'geotiff', 'node:crypto', 'node:module', 'node:path', 'node:stream', 'node:util'],
      ...['h3-js', 'iso-3166', 'topojson-client', 'topojson-specification', 'world-atlas'],
    ],
  },
  jobs: { folders: ['core', 'handlers', 'jobs'], outside: ['zod'] },
  infrastructure: { folders: ['core', 'infrastructure'], outside: ['*'] },
  src: { folders: ['core', 'handlers', 'jobs', 'infrastructure', 'src'], outside: ['*', '@azure/functions'] },
};
const onlyWhereNamed = ['@azure/functions'];

function covers(name: string, specifier: string): boolean {
  return specifier === name || specifier.startsWith(`${name}/`);
}

function allowed(rule: Rule, specifier: string): boolean {
  if ([...rule.folders, ...rule.outside].some((name) => covers(name, specifier))) return true;
  const inside = [...Object.keys(rules), 'test'].some((folder) => covers(folder, specifier));
  return !inside && rule.outside.includes('*') && !onlyWhereNamed.some((name) => covers(name, specifier));
}

function wrongImports(file: SourceFile): readonly string[] {
  const rule = rules[file.path.split('/')[0] ?? ''];
  assert.ok(rule, `no rule for ${file.path}`);
  return importsOf(file)
    .filter((specifier) => !allowed(rule, specifier))
    .map((specifier) => `${file.path} imports ${specifier}`);
}

const product = sourceFiles(Object.keys(rules));

test('imports point one way', () => {
  assert.deepEqual(product.flatMap(wrongImports), []);
});

test('the rules see wrong imports of every kind', () => {
  const wrong: readonly SourceFile[] = [
    { path: 'core/a.ts', text: "import fs from 'node:fs';" },
    { path: 'core/b.ts', text: "export type { X } from '../handlers/x.ts';" },
    { path: 'handlers/raster/c.ts', text: "import {\n  a,\n  b,\n} from '../../infrastructure/gdal/a.ts';" },
    { path: 'handlers/d.ts', text: "const gdal = await import('gdal-async');" },
    { path: 'jobs/e.ts', text: "import '../src/app.ts';" },
    { path: 'infrastructure/f.ts', text: "import { app } from '@azure/functions';" },
    { path: 'src/g.ts', text: "import { eventually } from '../test/tools/poll.ts';" },
  ];
  for (const file of wrong) assert.equal(wrongImports(file).length, 1, file.path);
});

test('the rules let right imports pass', () => {
  const right: readonly SourceFile[] = [
    { path: 'core/a.ts', text: "import { z } from 'zod';\nimport type { B } from './ports/b.ts';" },
    { path: 'jobs/b.ts', text: "import { cog } from '../handlers/raster/cog.ts';" },
    { path: 'infrastructure/c/d.ts', text: "import pg from 'pg';\nimport { e } from '../../core/errors.ts';" },
    { path: 'src/functions/e.ts', text: "import { app } from '@azure/functions';" },
  ];
  assert.deepEqual(right.flatMap(wrongImports), []);
});

test('no file is over 400 lines', () => {
  const files = [...product, ...sourceFiles(['test'])];
  const long = files.map(({ path, text }) => ({ path, lines: text.trimEnd().split('\n').length }));
  assert.deepEqual(
    long.filter(({ lines }) => lines > 400),
    [],
  );
});

test('no path is cut out of a file URL, where a space is %20', () => {
  // Only such URLs are made of a name and a base.
  const wrong = /new URL\([^()]*,[^()]*\)\.pathname/;
  const files = [...product, ...sourceFiles(['test'])];
  assert.deepEqual(
    files.filter(({ text }) => wrong.test(text)).map(({ path }) => path),
    [],
  );
});

test('no file uses any, or switches the type check off', () => {
  // This file names what it looks for.
  const loophole = /(?:[:<|&,(=]|\bas)\s*any\b\s*[;,)>|&\]=[{\n]|@ts-(?:ignore|nocheck)/;
  const files = [...product, ...sourceFiles(['test'])].filter(({ path }) => path !== 'test/unit/imports.test.ts');
  assert.deepEqual(
    files.filter(({ text }) => loophole.test(text)).map(({ path }) => path),
    [],
  );
});
