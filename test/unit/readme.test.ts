import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../../', import.meta.url));

test("README's job runs as it stands there and prints what the comment says", async () => {
  const readme = await readFile(join(root, 'README.md'), 'utf8');
  const examples = [...readme.matchAll(/<!-- example: (.+?) -->\n```ts\n([\s\S]+?)```/g)];
  assert.deepEqual(
    examples.map(([, name]) => name),
    ['jobs/shout.ts', 'run it'],
  );
  const folder = await mkdtemp(join(tmpdir(), 'coremachine-readme-'));
  try {
    for (const part of ['core', 'handlers', 'node_modules', 'package.json'])
      await symlink(join(root, part), join(folder, part));
    await write(join(folder, 'jobs', 'shout.ts'), examples[0]?.[2]);
    await write(join(folder, 'example.ts'), examples[1]?.[2]);
    const { stdout } = await promisify(execFile)(process.execPath, [
      '--preserve-symlinks',
      '--preserve-symlinks-main',
      join(folder, 'example.ts'),
    ]);
    assert.match(stdout, /job_type: 'shout'/);
    assert.match(stdout, /said: \[ 'HEY from task 0', 'HEY from task 1' \]/);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('every file that README points at is there', async () => {
  const readme = await readFile(join(root, 'README.md'), 'utf8');
  const targets = [...readme.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map(([, target]) => target ?? '');
  for (const target of targets) await assert.doesNotReject(readFileOrFolder(join(root, target)), target);
});

async function readFileOrFolder(path: string): Promise<void> {
  const { stat } = await import('node:fs/promises');
  await stat(path);
}

async function write(file: string, text: string | undefined): Promise<void> {
  assert.ok(text);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
}
