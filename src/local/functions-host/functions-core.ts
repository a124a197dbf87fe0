/**
 * The module `@azure/functions-core`. In Azure the Node worker injects it into the process; `@azure/functions` requires
 * it at its first registration and runs in a do-nothing test mode when it is missing. This file is that module: once
 * `installFunctionsCore` has run, every `require('@azure/functions-core')` resolves to it.
 */
import { registerHooks } from 'node:module';
import { format } from 'node:util';
import type { HostLog, LogLevel } from './log.ts';
import type { FunctionCallback, FunctionMetadata, ProgrammingModel } from './rpc-types.ts';

export interface RegisteredFunction {
  readonly metadata: FunctionMetadata;
  readonly callback: FunctionCallback;
}

export type HookName = 'appStart' | 'appTerminate' | 'preInvocation' | 'postInvocation' | 'log';
export type HookCallback = (context: Record<string, unknown>) => unknown;

const hookNames: readonly string[] = ['appStart', 'appTerminate', 'preInvocation', 'postInvocation', 'log'];
const functions = new Map<string, RegisteredFunction>();
const hooks = new Map<string, Set<HookCallback>>();
let programmingModel: ProgrammingModel | null = null;
let sink: HostLog = () => {};
let installed = false;

/** Must run before the first `app.…` call of `@azure/functions` in this process. Safe to call again. */
export function installFunctionsCore(): void {
  if (installed) return;
  installed = true;
  registerHooks({
    resolve(specifier, context, nextResolve) {
      if (specifier !== '@azure/functions-core') return nextResolve(specifier, context);
      return { url: import.meta.url, shortCircuit: true };
    },
  });
}

export function setLogSink(log: HostLog): void {
  sink = log;
}

/** Everything registered in this process so far: the library and the modules that called it are loaded only once. */
export function registeredFunctions(): readonly RegisteredFunction[] {
  return [...functions.values()];
}

export function hooksFor(name: HookName): readonly HookCallback[] {
  return [...(hooks.get(name) ?? [])];
}

// From here on: the names the library calls.

export const version = '0.0.0-local';
export const hostVersion = '4.0.0-local';

export class Disposable {
  readonly #release: () => unknown;

  constructor(release: () => unknown) {
    this.#release = release;
  }

  dispose(): unknown {
    return this.#release();
  }
}

export function setProgrammingModel(model: ProgrammingModel): void {
  programmingModel = model;
}

export function getProgrammingModel(): ProgrammingModel | null {
  return programmingModel;
}

export function registerFunction(metadata: FunctionMetadata, callback: FunctionCallback): Disposable {
  if (functions.has(metadata.name))
    throw new Error(`Two functions are named "${metadata.name}"; names must be unique.`);
  functions.set(metadata.name, { metadata, callback });
  return new Disposable(() => functions.delete(metadata.name));
}

export function registerHook(name: string, callback: HookCallback): Disposable {
  if (!hookNames.includes(name)) throw new RangeError(`Unknown hook "${name}".`);
  const registered = hooks.get(name) ?? new Set();
  hooks.set(name, registered.add(callback));
  return new Disposable(() => registered.delete(callback));
}

export function log(level: LogLevel, category: string, ...message: unknown[]): void {
  sink({ level, category: category === 'user' ? 'user' : 'system', message: format(...message) });
}
