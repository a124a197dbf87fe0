import { availableParallelism } from 'node:os';
import { type Kinds, numberOf, readSection, type Section, sameKey, spanOf } from './host-json-section.ts';
import { parseTimeSpan } from './time-span.ts';

export interface ServiceBusSettings {
  readonly autoCompleteMessages: boolean;
  /** Calls at once, per function. */
  readonly maxConcurrentCalls: number;
  /** Infinity: as long as the function runs. */
  readonly maxAutoLockRenewalMs: number;
  readonly maxMessageBatchSize: number;
  readonly retry: RetrySettings;
}

/** How the client repeats its own calls of the service; never re-runs a function. */
export interface RetrySettings {
  readonly mode: 'exponential' | 'fixed';
  readonly tryTimeoutMs: number;
  readonly delayMs: number;
  readonly maxDelayMs: number;
  readonly maxRetries: number;
}

export interface HostSettings {
  readonly routePrefix: string;
  readonly customHeaders: Readonly<Record<string, string>>;
  /** Null: no limit. */
  readonly functionTimeoutMs: number | null;
  readonly serviceBus: ServiceBusSettings;
}

export interface HostJsonReport {
  readonly settings: HostSettings;
  readonly warnings: readonly string[];
}

export class HostJsonError extends Error {
  override readonly name = 'HostJsonError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`host.json is not valid:\n${problems.map((problem) => `- ${problem}`).join('\n')}`);
    this.problems = problems;
  }
}

const topLevel: Kinds = {
  version: 'text',
  functionTimeout: 'text',
  extensions: 'object',
  extensionBundle: 'object',
  logging: 'object',
};

/** Valid at the top level and without effect here. */
const topLevelIgnored = [
  '$schema',
  'aggregator',
  'concurrency',
  'customHandler',
  'functions',
  'healthMonitor',
  'managedDependency',
  'retry',
  'sendCanceledInvocationsToWorker',
  'singleton',
  'telemetryMode',
  'watchDirectories',
  'watchFiles',
];

const httpKinds: Kinds = {
  routePrefix: 'text',
  maxOutstandingRequests: 'count',
  maxConcurrentRequests: 'count',
  dynamicThrottlesEnabled: 'boolean',
  hsts: 'object',
  customHeaders: 'object',
};

/** Keys of Service Bus extension 5.x. Source: its `ServiceBusOptions` and Microsoft's host.json reference. */
const serviceBusKinds: Kinds = {
  clientRetryOptions: 'object',
  prefetchCount: 'count',
  transportType: 'text',
  webProxy: 'text',
  autoCompleteMessages: 'boolean',
  maxAutoLockRenewalDuration: 'span',
  maxConcurrentCalls: 'positive',
  maxConcurrentSessions: 'positive',
  maxConcurrentCallsPerSession: 'positive',
  sessionIdleTimeout: 'span',
  maxMessageBatchSize: 'positive',
  minMessageBatchSize: 'positive',
  maxBatchWaitTime: 'span',
  enableCrossEntityTransactions: 'boolean',
};

const retryKinds: Kinds = { mode: 'text', tryTimeout: 'span', delay: 'span', maxDelay: 'span', maxRetries: 'count' };

/** Keys of extension 4.x: below the flat keys where 5.x still reads them, and easily taken for being in force. */
const oldServiceBusKeys = ['messageHandlerOptions', 'sessionHandlerOptions', 'batchOptions'];

const httpIgnored = ['maxOutstandingRequests', 'maxConcurrentRequests', 'dynamicThrottlesEnabled', 'hsts'];
const serviceBusIgnored = [
  'prefetchCount',
  'transportType',
  'webProxy',
  'minMessageBatchSize',
  'maxBatchWaitTime',
  'maxConcurrentSessions',
  'maxConcurrentCallsPerSession',
  'sessionIdleTimeout',
  'enableCrossEntityTransactions',
];

/** `-00:00:00.0010000`, .NET's infinite time span. */
const infiniteSpanMs = -1;
const defaultTimeoutMs = 30 * 60_000;

/** Checks a parsed host.json (version 2.0) and reads what this host uses. Throws HostJsonError with all problems at once. */
export function validateHostJson(hostJson: unknown): HostJsonReport {
  const problems: string[] = [];
  const warnings: string[] = [];
  const warn = (path: string, text: string) => warnings.push(`${path} ${text}`);

  const root = readSection(hostJson, '', topLevel, problems, (key) => {
    const known = topLevelIgnored.some((ignored) => sameKey(ignored, key));
    warn(key, known ? 'has no effect on the local host' : 'is not a key of host.json; every host ignores it');
    return true;
  });
  const extensions = readSection(
    root.get('extensions'),
    'extensions',
    { http: 'object', serviceBus: 'object' },
    problems,
    (key) => {
      warn(`extensions.${key}`, 'has no effect on the local host');
      return true;
    },
  );
  const http = readSection(extensions.get('http'), 'extensions.http', httpKinds, problems);
  const serviceBus = readSection(
    extensions.get('serviceBus'),
    'extensions.serviceBus',
    serviceBusKinds,
    problems,
    (key) => {
      const old = oldServiceBusKeys.some((name) => sameKey(name, key));
      if (old) warn(`extensions.serviceBus.${key}`, 'belongs to extension 4.x; write the flat keys of 5.x');
      return old;
    },
  );
  for (const key of httpIgnored) if (http.has(key)) warn(`extensions.http.${key}`, 'has no effect on the local host');
  for (const key of serviceBusIgnored)
    if (serviceBus.has(key)) warn(`extensions.serviceBus.${key}`, 'has no effect on the local host');

  const settings: HostSettings = {
    ...httpSettings(http, problems),
    functionTimeoutMs: functionTimeout(root, problems),
    serviceBus: serviceBusSettings(serviceBus, problems),
  };
  if (root.get('version') !== '2.0') problems.push('version must be "2.0"');
  if (problems.length > 0) throw new HostJsonError(problems);
  return { settings, warnings };
}

function httpSettings(http: Section, problems: string[]): Pick<HostSettings, 'routePrefix' | 'customHeaders'> {
  const routePrefix = String(http.get('routePrefix') ?? 'api').replace(/^\/+|\/+$/g, '');
  const customHeaders: Record<string, string> = {};
  for (const [name, value] of Object.entries(http.get('customHeaders') ?? {})) {
    if (typeof value === 'string') customHeaders[name] = value;
    else problems.push(`extensions.http.customHeaders.${name} must be a text`);
  }
  return { routePrefix, customHeaders };
}

function functionTimeout(root: Section, problems: string[]): number | null {
  const text = root.get('functionTimeout');
  if (text === undefined) return defaultTimeoutMs;
  if (text === '-1') return null;
  const ms = typeof text === 'string' ? parseTimeSpan(text) : null;
  if (ms === null || ms <= 0) problems.push('functionTimeout must be a time span hh:mm:ss or "-1"');
  return ms;
}

function serviceBusSettings(section: Section, problems: string[]): ServiceBusSettings {
  const renewalMs = spanOf(section, 'maxAutoLockRenewalDuration', 300_000);
  if (renewalMs < 0 && renewalMs !== infiniteSpanMs)
    problems.push('extensions.serviceBus.maxAutoLockRenewalDuration must not be negative');
  return {
    autoCompleteMessages: section.get('autoCompleteMessages') !== false,
    maxConcurrentCalls: numberOf(section, 'maxConcurrentCalls', 16 * availableParallelism()),
    maxAutoLockRenewalMs: renewalMs === infiniteSpanMs ? Number.POSITIVE_INFINITY : renewalMs,
    maxMessageBatchSize: numberOf(section, 'maxMessageBatchSize', 1000),
    retry: retrySettings(section.get('clientRetryOptions'), problems),
  };
}

function retrySettings(value: unknown, problems: string[]): RetrySettings {
  const path = 'extensions.serviceBus.clientRetryOptions';
  const section = readSection(value, path, retryKinds, problems);
  const mode = String(section.get('mode') ?? 'exponential').toLowerCase();
  if (mode !== 'exponential' && mode !== 'fixed') problems.push(`${path}.mode must be "exponential" or "fixed"`);
  return {
    mode: mode === 'fixed' ? 'fixed' : 'exponential',
    tryTimeoutMs: spanOf(section, 'tryTimeout', 60_000),
    delayMs: spanOf(section, 'delay', 800),
    maxDelayMs: spanOf(section, 'maxDelay', 60_000),
    maxRetries: numberOf(section, 'maxRetries', 3),
  };
}
