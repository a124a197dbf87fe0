import { settledWithin } from './deadline.ts';
import { sortFunctions } from './functions.ts';
import { setLogSink } from './functions-core.ts';
import { validateHostJson } from './host-json.ts';
import { type InvocationHost, runHooks } from './invoke.ts';
import { createListeners, type FunctionInfo, type HostListeners, type ListenerOptions } from './listeners.ts';
import { loadFunctions } from './load-functions.ts';
import { describeError, type HostLog, hostLine, stderrLog } from './log.ts';
import { RunningInvocations } from './running-invocations.ts';

export { importModules } from './load-functions.ts';

export interface FunctionsHostOptions extends Omit<ListenerOptions, 'hostname'> {
  /** The parsed host.json. */
  readonly hostJson: unknown;
  /** App settings: connections, `%SETTING%` expressions, WEBSITE_TIME_ZONE, FUNCTIONS_REQUEST_BODY_SIZE_LIMIT. */
  readonly settings: ListenerOptions['settings'];
  /** Imports the modules that register functions; `@azure/functions` must not have been used in the process before. */
  readonly load: () => Promise<unknown>;
  /** 0 takes a free one. */
  readonly port: number;
  /** Default 127.0.0.1. */
  readonly hostname?: string;
  /** Null: keys are not checked, as when Core Tools runs an app. */
  readonly keys: ListenerOptions['keys'];
  /** Default: stderr, the host's own lines from `warning` on. */
  readonly log?: HostLog;
}

export interface FunctionsHost {
  readonly port: number;
  readonly url: string;
  readonly functions: readonly FunctionInfo[];
  /**
   * Takes nothing new, waits up to `graceMs` (default 30 s) for what runs, calls the app's `appTerminate` hooks, gives up on
   * what still runs (its messages are abandoned, its requests answered 503), and closes everything. Answers how many
   * invocations were given up. A second call answers the same promise.
   */
  stop(options?: { readonly graceMs?: number }): Promise<{ readonly abandoned: number }>;
}

const defaultGraceMs = 30_000;
/** For functions to end once their app was told to, and for settlements and answers after giving up. */
const lastWaitMs = 2000;
const closeLimitMs = 10_000;

/**
 * Runs the functions that the app registers with `@azure/functions` v4, in this process: HTTP triggers on one port, Service
 * Bus queue triggers, timers. Throws HostJsonError, FunctionsLoadError, UnsupportedFunctionError, SettingsError,
 * RouteTemplateError or ScheduleError before any function runs.
 */
export async function startFunctionsHost(options: FunctionsHostOptions): Promise<FunctionsHost> {
  const log = options.log ?? stderrLog;
  const { settings, warnings } = validateHostJson(options.hostJson);
  for (const warning of warnings) hostLine(log, 'warning', `host.json: ${warning}`);
  setLogSink(log);
  const { functions, model } = await loadFunctions(options.load);
  for (const { metadata } of functions) {
    if (metadata.retryOptions)
      hostLine(log, 'warning', 'The retry policy has no effect on the local host', metadata.name);
  }
  const hostname = options.hostname ?? '127.0.0.1';
  const invocations: InvocationHost = { log, running: new RunningInvocations(settings.functionTimeoutMs) };
  const listeners = await createListeners(
    sortFunctions(functions),
    settings,
    { ...options, hostname },
    model,
    invocations,
  );
  try {
    await runHooks('appStart', { hookData: {} });
    for (const listener of listeners.all) await listener.start();
  } catch (error) {
    await closeListeners(listeners);
    throw error;
  }
  const { port } = listeners.http;
  let stopping: Promise<{ abandoned: number }> | null = null;
  return {
    port,
    url: `http://${hostname.includes(':') ? `[${hostname}]` : hostname}:${port}`,
    functions: listeners.functions,
    stop({ graceMs = defaultGraceMs } = {}) {
      stopping ??= stopHost(listeners, invocations, graceMs);
      return stopping;
    },
  };
}

async function stopHost(
  listeners: HostListeners,
  invocations: InvocationHost,
  graceMs: number,
): Promise<{ abandoned: number }> {
  const idle = () => Promise.all(listeners.all.map((listener) => listener.idle()));
  const started = Date.now();
  const paused = Promise.all(listeners.all.map((listener) => listener.pause()));
  await settledWithin(Promise.all([paused, idle()]), graceMs);
  const left = invocations.running.count;
  if (left > 0) {
    const waited = `${Math.round((Date.now() - started) / 1000)} s`;
    hostLine(invocations.log, 'warning', `${left} invocations still run after ${waited}; the app is told to end`);
  }
  try {
    await runHooks('appTerminate', { hookData: {} });
  } catch (error) {
    hostLine(invocations.log, 'error', `An appTerminate hook failed: ${describeError(error)}`);
  }
  await settledWithin(idle(), lastWaitMs);
  const abandoned = invocations.running.count;
  invocations.running.abort();
  await settledWithin(Promise.all([paused, idle()]), lastWaitMs);
  await closeListeners(listeners);
  return { abandoned };
}

async function closeListeners({ all, connections }: HostListeners): Promise<void> {
  await settledWithin(Promise.allSettled(all.map((listener) => listener.close())), closeLimitMs);
  await settledWithin(connections.close(), closeLimitMs);
}
