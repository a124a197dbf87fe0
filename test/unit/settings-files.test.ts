import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { configurationPage, settingsExample } from '../../src/cli/docs/settings.ts';
import { settingNames } from '../../src/config/settings.ts';
import { readConfig } from '../../src/config.ts';

const root = new URL('../../', import.meta.url);
const committed = (path: string) => readFile(new URL(path, root), 'utf8');

test('the committed files are the generated ones', async () => {
  assert.equal(await committed('docs/configuration.md'), configurationPage());
  assert.equal(await committed('local.settings.example.json'), settingsExample());
});

test('the example has exactly the schema’s keys and can be read', async () => {
  const { Values } = JSON.parse(await committed('local.settings.example.json'));
  assert.deepEqual(Object.keys(Values).sort(), [...settingNames].sort());
  assert.equal(readConfig(Values).storage, 'UseDevelopmentStorage=true');
});

test('the page has every setting once', () => {
  const page = configurationPage();
  for (const name of settingNames) {
    assert.equal(page.split(`| \`${name}\` |`).length, 2, name);
  }
});
