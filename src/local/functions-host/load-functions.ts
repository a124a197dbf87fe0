import { fileURLToPath } from 'node:url';
import {
  getProgrammingModel,
  installFunctionsCore,
  type RegisteredFunction,
  registeredFunctions,
} from './functions-core.ts';
import type { ProgrammingModel } from './rpc-types.ts';

export class FunctionsLoadError extends Error {
  override readonly name = 'FunctionsLoadError';
}

/**
 * Lets the app import its function modules and collects what they registered. Throws FunctionsLoadError naming the file that
 * failed, or when nothing was registered.
 */
export async function loadFunctions(
  load: () => Promise<unknown>,
): Promise<{ functions: readonly RegisteredFunction[]; model: ProgrammingModel }> {
  installFunctionsCore();
  try {
    await load();
  } catch (error) {
    throw error instanceof FunctionsLoadError
      ? error
      : new FunctionsLoadError(describe(error, fileOf(error)), { cause: error });
  }
  const functions = registeredFunctions();
  const model = getProgrammingModel();
  if (functions.length === 0 || !model) {
    throw new FunctionsLoadError(
      'No function was registered. @azure/functions must not be used before the host is started.',
    );
  }
  return { functions, model };
}

/**
 * Imports modules one after the other, for `load`. Throws FunctionsLoadError with the module's name: where a module does not
 * even parse, its error does not tell which one it was.
 */
export async function importModules(modules: readonly URL[]): Promise<void> {
  for (const module of modules) {
    try {
      await import(module.href);
    } catch (error) {
      throw new FunctionsLoadError(describe(error, fileOf(error) ?? fileURLToPath(module)), { cause: error });
    }
  }
}

function describe(error: unknown, file: string | null): string {
  const message = error instanceof Error ? error.message : String(error);
  return `The functions could not be loaded${file ? ` (${file})` : ''}: ${message}`;
}

/** The first frame outside of packages, of Node and of this host. */
function fileOf(error: unknown): string | null {
  const own = new URL('.', import.meta.url).href;
  for (const [place] of ((error instanceof Error && error.stack) || '').matchAll(/file:\/\/[^\s)]+/g)) {
    if (place.includes('/node_modules/') || place.startsWith(own)) continue;
    const [, url, position = ''] = /^(.*?)((?::\d+)*)$/.exec(place) ?? [];
    if (url) return `${fileURLToPath(url)}${position}`;
  }
  return null;
}
