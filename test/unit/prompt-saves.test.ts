import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { indexesSaved, saveIndexesPromptly } from '../../src/local/stack/prompt-saves.ts';
import { eventually } from '../tools/poll.ts';

interface Loki {
  addCollection(name: string): { insert(row: object): void };
  close(done: () => void): void;
}

type Adapter = { saveDatabase(name: string, text: string, done: () => void): void };

saveIndexesPromptly();
const azurite = createRequire(import.meta.url).resolve('azurite/dist/src/blob/main.js');
const LokiIndex = createRequire(azurite)('lokijs') as new (
  name: string,
  options: { readonly autosave: boolean; readonly adapter: Adapter },
) => Loki;

/** An index whose writing takes until it is let go; `written` is what came to an end. */
function slowIndex() {
  const written: string[] = [];
  const begun: (() => void)[] = [];
  const adapter: Adapter = {
    saveDatabase(_, text, done) {
      begun.push(() => {
        written.push(text);
        done();
      });
    },
  };
  return { index: new LokiIndex('blobs.json', { autosave: true, adapter }), written, begun };
}

test('a change is saved within a moment, and a process that closes meanwhile waits for that', async () => {
  const { index, written, begun } = slowIndex();
  index.addCollection('blobs').insert({ name: 'scene.tif' });
  await eventually(() => begun.length === 1, { timeoutMs: 1000 });
  let [closed, saved] = [false, false];
  index.close(() => {
    closed = true;
  });
  const waiting = indexesSaved().then(() => {
    saved = true;
  });
  await wait(20);
  assert.deepEqual([closed, saved, written.length], [true, false, 0], 'the index takes itself for saved');
  begun[0]?.();
  await waiting;
  assert.match(String(written[0]), /scene\.tif/);
});

test('with nothing under way there is nothing to wait for', async () => {
  await indexesSaved();
});
