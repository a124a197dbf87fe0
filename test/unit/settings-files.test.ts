import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exampleSettings, settingsPage } from '../../src/cli/docs/settings.ts';
import { settingNames } from '../../src/config/settings.ts';
import { readConfig } from '../../src/config.ts';

test('the example has exactly the schema’s keys and can be read', () => {
  const { Values } = JSON.parse(exampleSettings());
  assert.deepEqual(Object.keys(Values).sort(), [...settingNames].sort());
  assert.equal(readConfig(Values).storage, 'UseDevelopmentStorage=true');
});

test('the page has every setting once', () => {
  const page = settingsPage();
  for (const name of settingNames) assert.equal(page.split(`| \`${name}\` |`).length, 2, name);
});
