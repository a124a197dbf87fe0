import { fstatSync, ftruncateSync, readSync } from 'node:fs';
import type { CplReport } from '../protocol.ts';

const mostBytes = 262_144;
const mostReports = 50;
const mostCharacters = 500;

/**
 * What GDAL reported, from every one of its threads, in order. gdal-async's errors carry a text and no number, and
 * `gdal.lastError` is that of the main thread, where nothing runs. So the reports are read back from the file that
 * GDAL's default error handler writes, `ERROR 4: text` a line. A line of another form belongs to the report before it.
 */
export class CplLog {
  /** Reports since the start of the process. */
  total = 0;
  readonly #fd: number;
  #operation: readonly CplReport[] = [];

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Begins an operation. */
  begin(): void {
    this.news();
    this.#operation = [];
  }

  /** The reports since the last call. */
  news(): readonly CplReport[] {
    const reports = parseReports(this.#read());
    this.total += reports.length;
    this.#operation = [...this.#operation, ...reports].slice(-mostReports);
    return reports;
  }

  /** The operation's reports: the last fifty. */
  all(): readonly CplReport[] {
    this.news();
    return this.#operation;
  }

  #read(): string {
    const { size } = fstatSync(this.#fd);
    if (size === 0) return '';
    const buffer = Buffer.alloc(Math.min(size, mostBytes));
    readSync(this.#fd, buffer, 0, buffer.length, size - buffer.length);
    ftruncateSync(this.#fd, 0);
    return buffer.toString('utf8');
  }
}

/** The text of the last error; empty when there was none. */
export function lastError(reports: readonly CplReport[]): string {
  return reports.findLast((report) => report.level === 'error')?.message ?? '';
}

export function parseReports(text: string): CplReport[] {
  const reports: { level: CplReport['level']; number: number; message: string }[] = [];
  for (const line of text.split('\n')) {
    const found = /^(ERROR|FATAL|Warning) (\d+): (.*)$/.exec(line);
    const last = reports.at(-1);
    if (found) {
      reports.push({
        level: found[1] === 'Warning' ? 'warning' : 'error',
        number: Number(found[2]),
        message: (found[3] ?? '').slice(0, mostCharacters),
      });
    } else if (last && line.trim()) {
      last.message = `${last.message} ${line.trim()}`.slice(0, mostCharacters);
    }
  }
  return reports;
}
