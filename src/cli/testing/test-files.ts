import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../setup/paths.ts';

/** Folders under test/, in the order in which they run: the quick ones first. */
export const suites = ['unit', 'contract', 'model', 'emulator', 'integration', 'crash', 'chaos'] as const;
export type Suite = (typeof suites)[number];

export interface TestFile {
  readonly suite: Suite;
  /** Relative to the project, with `/`. */
  readonly path: string;
}

/** All test files of the given suites whose path holds at least one of the filters (all, when there are none). */
export function findTestFiles(wanted: readonly Suite[], filters: readonly string[]): readonly TestFile[] {
  return wanted.flatMap((suite) =>
    filesUnder(`test/${suite}`)
      .filter((path) => filters.length === 0 || filters.some((filter) => path.includes(filter)))
      .map((path) => ({ suite, path })),
  );
}

function filesUnder(folder: string): readonly string[] {
  try {
    return readdirSync(join(projectRoot, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.test.ts'))
      .map((name) => `${folder}/${name}`)
      .sort();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}
