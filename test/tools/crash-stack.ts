import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { type StackParts, startParts } from '../../src/local/stack/stack.ts';
import { assertSoundStack } from './output-checks.ts';
import { testStackOptions } from './stack.ts';

/** Short patience, so that a test takes seconds; production has the same steps with longer ones. */
const impatient = {
  TASK_LEASE_SECONDS: '2',
  PUBLISH_GRACE_SECONDS: '1',
  UPKEEP_REPUBLISH_SCHEDULE: '* * * * * *',
  UPKEEP_LEASES_SCHEDULE: '* * * * * *',
  UPKEEP_STAGES_SCHEDULE: '* * * * * *',
};

export interface CrashStack {
  /** The parts that stay while hosts are killed; only inside of tests and hooks. */
  readonly parts: StackParts;
  /** The tests' own; removed after them. */
  readonly folder: string;
}

export interface CrashStackOptions {
  /** Besides the short patience, for all hosts. */
  readonly settings?: (folder: string) => Readonly<Record<string, string>>;
  /** What the tests need, once the parts run. Not a hook of the file's own: hooks do not wait for each other. */
  readonly prepare?: (stack: CrashStack) => Promise<void> | void;
}

/** The real parts for all tests of a file, on which hosts are started, killed, and started again; in the end all that was made is checked. */
export function crashStack({ settings = () => ({}), prepare }: CrashStackOptions = {}): CrashStack {
  let started: CrashStack | null = null;
  before(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'coremachine-crash-'));
    const env = { ...impatient, ...settings(folder) };
    started = { folder, parts: await startParts(await testStackOptions(folder, { env, lockDurationMs: 3000 })) };
    await prepare?.(started);
  });
  after(async () => {
    if (!started) return;
    const { parts, folder } = started;
    try {
      await assertSoundStack(parts.settings);
    } finally {
      await parts.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });
  const ready = () => {
    if (!started) throw new Error('the parts start before the first test');
    return started;
  };
  return {
    get parts() {
      return ready().parts;
    },
    get folder() {
      return ready().folder;
    },
  };
}
