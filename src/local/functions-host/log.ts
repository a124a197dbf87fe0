export type LogLevel = 'trace' | 'debug' | 'information' | 'warning' | 'error' | 'critical' | 'none';

/** One line of the host. `user` lines come from a function's `context.log`, `system` lines from the library. */
export interface HostLogEntry {
  readonly level: LogLevel;
  readonly category: 'host' | 'user' | 'system';
  readonly message: string;
  readonly functionName?: string;
  readonly invocationId?: string;
}

export type HostLog = (entry: HostLogEntry) => void;

export function hostLine(log: HostLog, level: LogLevel, message: string, functionName?: string): void {
  log({ level, category: 'host', message, ...(functionName !== undefined && { functionName }) });
}

export function describeError(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

const ranks: readonly LogLevel[] = ['trace', 'debug', 'information', 'warning', 'error', 'critical'];

/** Functions' own lines from `information` on and the host's from `warning` on, as text on stderr. */
export const stderrLog: HostLog = ({ level, category, functionName, message }) => {
  const least = category === 'user' ? 'information' : 'warning';
  if (ranks.indexOf(level) < ranks.indexOf(least)) return;
  process.stderr.write(`${level} ${functionName ?? category}: ${message}\n`);
};
