import type { EventName, Log, LogFields } from '../../core/log.ts';
import { withoutSecrets } from '../../core/secrets.ts';
import { standardOutput } from './standard-output.ts';

export type LogFormat = 'json' | 'text';
type Level = 'info' | 'warn' | 'error';

export interface LogOptions {
  /** `json`: one object a line, `{time, level, event, …fields}`; `text`: for people. */
  readonly format: LogFormat;
  /** Takes one line without its line break; standard output when left out. */
  readonly write?: (line: string) => void;
  readonly now?: () => Date;
}

interface Sink {
  readonly line: (time: string, level: Level, event: EventName, fields: Fields) => string;
  readonly write: (line: string) => void;
  readonly now: () => Date;
}

type Fields = Readonly<Record<string, string | number | boolean | null>>;

/** A log with one line an event, whatever the fields hold. Times are UTC, ISO 8601 with milliseconds. */
export function createLog(options: LogOptions): Log {
  const sink: Sink = {
    line: options.format === 'json' ? jsonLine : textLine,
    write: options.write ?? standardOutput,
    now: options.now ?? (() => new Date()),
  };
  return logOn(sink, {});
}

function logOn(sink: Sink, always: Fields): Log {
  const emit =
    (level: Level) =>
    (event: EventName, fields: LogFields = {}) => {
      sink.write(sink.line(isoTime(sink.now()), level, event, withFields(always, fields)));
    };
  return {
    info: emit('info'),
    warn: emit('warn'),
    error: emit('error'),
    with: (fields) => logOn(sink, withFields(always, fields)),
  };
}

let shownTime = { ms: Number.NaN, text: '' };

/** Many lines fall into one millisecond. */
function isoTime(time: Date): string {
  if (time.getTime() !== shownTime.ms) shownTime = { ms: time.getTime(), text: time.toISOString() };
  return shownTime.text;
}

function withFields(always: Fields, fields: LogFields): Fields {
  const shown: Record<string, string | number | boolean | null> = { ...always };
  for (const name in fields) {
    const value = fields[name];
    if (value !== undefined) shown[name] = typeof value === 'string' ? withoutSecrets(value) : value;
  }
  return shown;
}

function jsonLine(time: string, level: Level, event: EventName, fields: Fields): string {
  const line: Record<string, string | number | boolean | null> = { time, level, event };
  for (const name in fields) if (!Object.hasOwn(line, name)) line[name] = fields[name] ?? null;
  return JSON.stringify(line);
}

function textLine(time: string, level: Level, event: EventName, fields: Fields): string {
  const pairs = Object.entries(fields).map(([name, value]) => `${plain(name)}=${shown(value)}`);
  return [time, level.toUpperCase().padEnd(5), event, ...pairs].join(' ');
}

function shown(value: string | number | boolean | null): string {
  return typeof value === 'string' ? plain(value) : String(value);
}

/** As it is when it is one word; else quoted, so that no value can look like another field or another line. */
function plain(value: string): string {
  if (/^[\p{L}\p{N}\p{M}_.,:;/\\@+*%()[\]{}#&?!|<>~^-]+$/u.test(value)) return value;
  return JSON.stringify(value).replace(/[\u007f-\u009f\u2028\u2029]/g, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
