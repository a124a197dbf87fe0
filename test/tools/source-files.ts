import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { projectRoot } from '../../src/cli/setup/paths.ts';

export interface SourceFile {
  /** Relative to the project, with `/`. */
  readonly path: string;
  readonly text: string;
}

/** All TypeScript files of the project's folders, as text. */
export function sourceFiles(folders: readonly string[]): readonly SourceFile[] {
  return folders.flatMap((folder) =>
    readdirSync(join(projectRoot, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => ({ path: posix.join(folder, name), text: readFileSync(join(projectRoot, folder, name), 'utf8') })),
  );
}

const specifiers = [
  /^\s*(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]/gm,
  /^\s*import\s*['"]([^'"]+)['"]/gm,
  /\b(?:import|require)\(\s*['"]([^'"]+)['"]/g,
];

/** What a file imports: a path relative to the project for its own modules, else the specifier as written. */
export function importsOf(file: SourceFile): readonly string[] {
  return specifiers
    .flatMap((pattern) => [...file.text.matchAll(pattern)])
    .map((match) => match[1] ?? '')
    .map((name) => (name.startsWith('.') ? posix.join(posix.dirname(file.path), name) : name));
}
