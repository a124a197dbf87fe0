import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { ApiClient } from '../../src/cli/client.ts';
import { ensurePgstacSql } from '../../src/cli/setup/pgstac.ts';
import { type Stack, type StackOptions, startStack } from '../../src/local/stack/stack.ts';

export interface TestStack {
  readonly stack: Stack;
  readonly client: ApiClient;
  readonly folder: string;
}

/** An embedded stack of this test file's own, stopped and removed when its tests are over. */
export async function testStack(
  options: { readonly keep?: boolean; readonly folder?: string } & Partial<StackOptions> = {},
): Promise<TestStack> {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'coremachine-stack-')));
  const stack = await startStack({
    dataFolder: options.keep ? join(folder, 'data') : null,
    logFolder: join(folder, 'logs'),
    env: {},
    pgstacSql: await ensurePgstacSql(),
    httpPort: 0,
    fixedPorts: false,
    say: () => {},
    ...options,
  });
  after(async () => {
    await stack.stop();
    if (!options.folder) await rm(folder, { recursive: true, force: true });
  });
  return { stack, client: new ApiClient(stack.url, stack.functionKey), folder };
}
