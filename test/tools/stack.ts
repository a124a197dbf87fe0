import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { ApiClient } from '../../src/cli/client.ts';
import { ensurePgstacSql } from '../../src/cli/setup/pgstac.ts';
import { templateFolder } from '../../src/cli/template-folder.ts';
import { type Stack, type StackOptions, startStack } from '../../src/local/stack/stack.ts';
import { assertSoundStack } from './output-checks.ts';

export interface TestStack {
  readonly stack: Stack;
  readonly client: ApiClient;
}

/** What a stack for tests has in common: free ports, no output, its logs in `folder`. */
export async function testStackOptions(folder: string, options: Partial<StackOptions> = {}): Promise<StackOptions> {
  return {
    dataFolder: null,
    logFolder: join(folder, 'logs'),
    env: {},
    pgstacSql: await ensurePgstacSql(),
    templateFolder,
    httpPort: 0,
    fixedPorts: false,
    say: () => {},
    ...options,
  };
}

/** To be called at a test file's top level: starts an embedded stack before its tests, checks after them what was made, and removes it. */
export function testStack(options: Partial<StackOptions> = {}): () => TestStack {
  let running: TestStack | null = null;
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'coremachine-stack-'));
    const stack = await startStack(await testStackOptions(folder, options));
    running = { stack, client: new ApiClient(stack.url, stack.functionKey) };
  });
  after(async () => {
    try {
      if (running) await assertSoundStack(running.stack.settings);
    } finally {
      await running?.stack.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });
  return () => {
    if (!running) throw new Error('the stack is not running');
    return running;
  };
}
