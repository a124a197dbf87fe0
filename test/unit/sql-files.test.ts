import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { query, sqlFolder, withoutHeader } from '../../infrastructure/postgres/sql-files.ts';
import { sourceFiles } from '../tools/source-files.ts';

interface QueryFile {
  readonly name: string;
  readonly text: string;
}

const folder = join(sqlFolder, 'queries');
const files: QueryFile[] = await Promise.all(
  (await readdir(folder)).sort().map(async (file) => ({
    name: file.replace(/\.sql$/, ''),
    text: await readFile(join(folder, file), 'utf8'),
  })),
);
const engineFiles = files.filter(({ name }) => !name.startsWith('catalogue_'));

/** Text without comments and quoted texts. */
function bare(text: string): string {
  return text.replace(/--[^\n]*/g, '').replace(/'[^']*'/g, "''");
}

describe('statements', () => {
  test('every file says what goes in, what comes out, what it locks and what it costs', () => {
    assert.ok(engineFiles.length >= 28);
    for (const { name, text } of engineFiles) {
      const header = text.slice(0, text.indexOf(withoutHeader(text)));
      assert.match(header, /^-- [A-Z]/, name);
      for (const word of ['Parameters', 'Result', 'Locks', 'Cost']) {
        assert.match(header, new RegExp(`^-- ${word}: \\S`, 'm'), `${name}: ${word}`);
      }
      assert.doesNotMatch(header, /COST_|TODO/, name);
    }
  });

  test('one statement a file', () => {
    for (const { name, text } of files) {
      assert.match(name, /^[a-z][a-z_]*$/);
      assert.doesNotMatch(bare(withoutHeader(text)).trimEnd().replace(/;$/, ''), /;/, name);
    }
  });

  test('the parameters in the header are those of the statement', () => {
    for (const { name, text } of engineFiles) {
      const used = new Set(withoutHeader(text).match(/\$\d+/g));
      const described = text.slice(text.indexOf('-- Parameters:'), text.indexOf('-- Result:'));
      assert.deepEqual([...new Set(described.match(/\$\d+/g))].sort(), [...used].sort(), name);
    }
  });

  test('tables are named with their schema: nothing relies on the search_path', () => {
    for (const { name, text } of engineFiles) {
      const body = bare(withoutHeader(text));
      const own = new Set([...body.matchAll(/(\w+) AS (?:MATERIALIZED )?\(/g)].map((match) => match[1]));
      const sources = [
        ...body.matchAll(/\b(?:FROM|JOIN|INTO|(?<!NO KEY |DO |FOR )UPDATE)\s+(?:LATERAL\s+)?([\w.]+|\()/g),
      ];
      assert.ok(sources.length > 0 || body.startsWith('SET LOCAL '), name);
      for (const [, table = ''] of sources) {
        assert.ok(table === '(' || table === 'unnest' || own.has(table) || table.includes('.'), `${name}: ${table}`);
      }
    }
  });

  test('every file is used, and every statement that is used has its file', () => {
    const used = sourceFiles(['infrastructure', 'src'])
      .flatMap(({ text }) => [...text.matchAll(/\bquery\('([a-z_]+)'\)/g)])
      .map((match) => match[1]);
    assert.deepEqual(
      [...new Set(used)].sort(),
      files.map(({ name }) => name),
    );
  });
});

describe('reading them', () => {
  test('a statement comes with its name and without its header', () => {
    const text = query('get_jobs');
    assert.equal(text, '/* get_jobs */ SELECT * FROM app.jobs WHERE job_id = ANY ($1::text[])');
  });

  test('one that is missing stops the start', () => {
    assert.throws(() => query('no_such_statement'), { code: 'ENOENT' });
  });

  test('only the leading comments are the header', () => {
    assert.equal(withoutHeader('-- a\n\n-- b\nSELECT 1 -- c\n-- d\n\n'), 'SELECT 1 -- c\n-- d');
    assert.equal(withoutHeader('SELECT 1'), 'SELECT 1');
    assert.equal(withoutHeader('-- windows\r\nSELECT 1\r\n'), 'SELECT 1');
  });

  test('the compiled file finds them too, one folder deeper', async () => {
    const root = await mkdtemp(join(tmpdir(), 'coremachine-dist-'));
    try {
      const compiled = join(root, 'dist', 'infrastructure', 'postgres');
      await mkdir(compiled, { recursive: true });
      await mkdir(join(root, 'sql', 'migrations'), { recursive: true });
      const source = await readFile(new URL('../../infrastructure/postgres/sql-files.ts', import.meta.url), 'utf8');
      await writeFile(join(compiled, 'sql-files.mjs'), stripTypeScriptTypes(source));
      const module: { readonly sqlFolder: string } = await import(pathToFileURL(join(compiled, 'sql-files.mjs')).href);
      assert.equal(module.sqlFolder, join(root, 'sql'));
      await rm(join(root, 'sql'), { recursive: true });
      await assert.rejects(import(`${pathToFileURL(join(compiled, 'sql-files.mjs')).href}?again`), /sql\/migrations/);
    } finally {
      await rm(root, { recursive: true });
    }
  });
});
