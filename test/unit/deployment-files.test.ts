import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { queueDefinitions } from '../../src/local/stack/queues.ts';

const root = new URL('../../', import.meta.url);
const text = (path: string) => readFileSync(new URL(path, root), 'utf8');

/** What the Dockerfile copies from the project, not from another stage. */
const copied = text('Dockerfile')
  .split('\n')
  .filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
  .flatMap((line) => line.split(/\s+/).slice(1, -1));

test('everything the image copies is there and passes .dockerignore', () => {
  const allowed = new Set(
    text('.dockerignore')
      .split('\n')
      .flatMap((line) => (line.startsWith('!') ? [line.slice(1)] : [])),
  );
  assert.ok(copied.length > 8);
  for (const path of copied) {
    assert.ok(existsSync(new URL(path, root)), path);
    assert.ok(allowed.has(path), `${path} is kept out by .dockerignore`);
  }
  for (const path of allowed) assert.ok(copied.includes(path), `${path} is let in and not copied`);
});

test('the image has every folder the build compiles', () => {
  const { include } = JSON.parse(text('tsconfig.build.json')) as { include: string[] };
  for (const folder of include) assert.ok(copied.includes(folder), folder);
});

test('the queues are documented as the embedded stack makes them', () => {
  const page = text('docs/deploy.md');
  for (const queue of queueDefinitions()) {
    const minutes = (ms: number | null) => `PT${(ms ?? 0) / 60_000}M`;
    assert.match(
      page,
      new RegExp(`--lock-duration ${minutes(queue.lockDurationMs)} --max-delivery-count ${queue.maxDeliveryCount} `),
    );
    assert.match(
      page,
      new RegExp(`--duplicate-detection-history-time-window ${minutes(queue.duplicateDetectionWindowMs)} `),
    );
    assert.match(page, new RegExp(`for queue in .*\\b${queue.name}\\b`));
  }
});

test('the emulator’s configuration in docs/deploy.md is JSON with both queues', () => {
  const block = /```json\n([\s\S]*?)```/.exec(text('docs/deploy.md'))?.[1] ?? '';
  const { UserConfig } = JSON.parse(block);
  const names = UserConfig.Namespaces[0].Queues.map((queue: { Name: string }) => queue.Name);
  assert.deepEqual(
    names,
    queueDefinitions().map(({ name }) => name),
  );
});
