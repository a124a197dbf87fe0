import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { generatedPages, pageFile } from '../../src/cli/docs/pages.ts';

for (const page of await generatedPages()) {
  test(`${page.path} is what ./run docs writes`, async () => {
    assert.equal(await readFile(pageFile(page), 'utf8'), page.content);
  });
}
