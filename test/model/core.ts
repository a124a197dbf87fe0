import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';

/** A guard taken out of the engine or of the store in memory. */
export interface Mutant {
  /** Lower-case words with hyphens. */
  readonly name: string;
  /** Relative to core/. */
  readonly file: string;
  /** Each text stands once in the file and is replaced. */
  readonly edits: readonly (readonly [from: string, to: string])[];
  /** What a check says of it. */
  readonly violation: RegExp;
}

/** The parts of core/ that a schedule runs. */
export interface Core {
  readonly CoreMachine: typeof import('../../core/machine/core-machine.ts').CoreMachine;
  readonly LastOut: typeof import('../../core/machine/last-out.ts').LastOut;
  readonly MemoryStateStore: typeof import('../../core/testing/memory-state-store.ts').MemoryStateStore;
  readonly MemoryQueue: typeof import('../../core/testing/memory-queue.ts').MemoryQueue;
  readonly memoryEngine: typeof import('../../core/testing/run-job.ts').memoryEngine;
}

const folder = new URL('../../core/', import.meta.url).href;
/** Modules of these folders are loaded anew for each mutant; the rest (errors, schemas) is shared. */
const copied = ['machine/', 'upkeep/', 'testing/'].map((name) => folder + name);
const mark = /\?mutant=([a-z-]+)$/;
const loading = new Map<string, Mutant>();

registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context);
    const mutant = mark.exec(context.parentURL ?? '');
    if (!mutant || !copied.some((prefix) => resolved.url.startsWith(prefix))) return resolved;
    return { ...resolved, url: resolved.url + mutant[0] };
  },
  load(url, context, next) {
    const mutant = loading.get(mark.exec(url)?.[1] ?? '');
    if (mutant && url.startsWith(`${folder}${mutant.file}?`)) {
      return { format: 'module-typescript', source: mutated(mutant), shortCircuit: true };
    }
    return next(url, context);
  },
});

/** The engine as it is, or a copy of it without one guard. */
export async function loadCore(mutant?: Mutant): Promise<Core> {
  if (mutant) loading.set(mutant.name, mutant);
  const query = mutant ? `?mutant=${mutant.name}` : '';
  const files = [
    'machine/core-machine.ts',
    'machine/last-out.ts',
    'testing/memory-state-store.ts',
    'testing/memory-queue.ts',
    'testing/run-job.ts',
  ];
  const [machine, lastOut, store, queue, run] = await Promise.all(files.map((file) => import(folder + file + query)));
  return { ...machine, ...lastOut, ...store, ...queue, ...run };
}

function mutated({ name, file, edits }: Mutant): string {
  let source = readFileSync(fileURLToPath(folder + file), 'utf8');
  for (const [from, to] of edits) {
    const parts = source.split(from);
    if (parts.length !== 2) throw new Error(`mutant ${name}: core/${file} holds ${parts.length - 1} times: ${from}`);
    source = parts.join(to);
  }
  return source;
}
