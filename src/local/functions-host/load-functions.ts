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
    throw new FunctionsLoadError(describe(error), { cause: error });
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

function describe(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const file = error instanceof Error ? fileOf(error) : null;
  return `The functions could not be loaded${file ? ` (${file})` : ''}: ${message}`;
}

/** The first frame outside of packages, of Node and of this host; a syntax error names its file in the stack's first line. */
function fileOf(error: Error): string | null {
  const own = new URL('.', import.meta.url).href;
  for (const [place] of (error.stack ?? '').matchAll(/file:\/\/[^\s)]+/g)) {
    if (place.includes('/node_modules/') || place.startsWith(own)) continue;
    const [, url, position = ''] = /^(.*?)((?::\d+)*)$/.exec(place) ?? [];
    if (url) return `${fileURLToPath(url)}${position}`;
  }
  return null;
}
