import type { RegisteredFunction } from './functions-core.ts';
import type { HttpFunction } from './http/http-listener.ts';
import type { AuthLevel } from './http/keys.ts';
import type { RpcBinding } from './rpc-types.ts';

export class UnsupportedFunctionError extends Error {
  override readonly name = 'UnsupportedFunctionError';
}

export interface QueueTrigger {
  readonly functionName: string;
  readonly registered: RegisteredFunction;
  readonly triggerName: string;
  readonly connection: string;
  /** May hold `%SETTING%`. */
  readonly queueName: string;
  readonly cardinality: 'one' | 'many';
  readonly dataType: unknown;
  /** Null: as host.json says. */
  readonly autoComplete: boolean | null;
}

export interface TimerTrigger {
  readonly functionName: string;
  readonly registered: RegisteredFunction;
  readonly triggerName: string;
  /** May hold `%SETTING%`. */
  readonly schedule: string;
  readonly runOnStartup: boolean;
  readonly useMonitor: boolean;
}

export interface SortedFunctions {
  readonly http: readonly HttpFunction[];
  readonly queues: readonly QueueTrigger[];
  readonly timers: readonly TimerTrigger[];
}

/** Sorts what the app registered by trigger. Throws UnsupportedFunctionError for what this host cannot run. */
export function sortFunctions(functions: readonly RegisteredFunction[]): SortedFunctions {
  const sorted = { http: [] as HttpFunction[], queues: [] as QueueTrigger[], timers: [] as TimerTrigger[] };
  for (const registered of functions) {
    const functionName = registered.metadata.name;
    const { triggerName, trigger } = findTrigger(registered);
    const type = trigger.type?.toLowerCase();
    const base = { functionName, registered, triggerName };
    if (type === 'httptrigger') sorted.http.push({ ...base, ...readHttp(trigger, functionName) });
    else if (type === 'timertrigger') sorted.timers.push({ ...base, ...readTimer(trigger) });
    else if (type === 'servicebustrigger') sorted.queues.push({ ...base, ...readQueue(trigger, functionName) });
    else throw unsupported(functionName, `the trigger ${trigger.type}`);
  }
  return sorted;
}

function findTrigger({ metadata }: RegisteredFunction): { triggerName: string; trigger: RpcBinding } {
  let found: { triggerName: string; trigger: RpcBinding } | null = null;
  for (const [name, binding] of Object.entries(metadata.bindings)) {
    if (binding.type?.toLowerCase().endsWith('trigger')) found = { triggerName: name, trigger: binding };
    else if (binding.direction !== 'out' || binding.type?.toLowerCase() !== 'http')
      throw unsupported(metadata.name, `the binding ${binding.type}`);
  }
  if (!found) throw unsupported(metadata.name, 'a function without a trigger');
  return found;
}

function readHttp(trigger: RpcBinding, functionName: string): Pick<HttpFunction, 'authLevel' | 'methods' | 'route'> {
  const authLevel = String(trigger.authLevel ?? 'anonymous').toLowerCase();
  if (!isAuthLevel(authLevel)) throw unsupported(functionName, `the authLevel ${authLevel}`);
  const methods = Array.isArray(trigger.methods) ? trigger.methods : ['GET', 'POST'];
  const route = typeof trigger.route === 'string' && trigger.route !== '' ? trigger.route : functionName;
  return { authLevel, methods: methods.map((method) => String(method).toUpperCase()), route: route.replace(/^\//, '') };
}

function isAuthLevel(level: string): level is AuthLevel {
  return level === 'anonymous' || level === 'function' || level === 'admin';
}

function readTimer(trigger: RpcBinding): Pick<TimerTrigger, 'schedule' | 'runOnStartup' | 'useMonitor'> {
  return {
    schedule: String(trigger.schedule ?? ''),
    runOnStartup: trigger.runOnStartup === true,
    useMonitor: trigger.useMonitor !== false,
  };
}

function readQueue(
  trigger: RpcBinding,
  functionName: string,
): Omit<QueueTrigger, 'functionName' | 'registered' | 'triggerName'> {
  if (typeof trigger.queueName !== 'string') throw unsupported(functionName, 'a topic');
  if (trigger.isSessionsEnabled === true) throw unsupported(functionName, 'a queue with sessions');
  return {
    connection: typeof trigger.connection === 'string' ? trigger.connection : '',
    queueName: trigger.queueName,
    cardinality: String(trigger.cardinality ?? 'one').toLowerCase() === 'many' ? 'many' : 'one',
    dataType: trigger.dataType,
    autoComplete: typeof trigger.autoCompleteMessages === 'boolean' ? trigger.autoCompleteMessages : null,
  };
}

function unsupported(functionName: string, what: string): UnsupportedFunctionError {
  return new UnsupportedFunctionError(`The function ${functionName} cannot run on the local host: it uses ${what}`);
}
