import { Cron } from 'croner';
import { parseTimeSpan } from '../time-span.ts';

export class ScheduleError extends Error {
  override readonly name = 'ScheduleError';
}

export interface Schedule {
  readonly text: string;
  /** The first occurrence after `after`. */
  next(after: Date): Date;
}

interface Field {
  readonly name: string;
  readonly least: number;
  readonly most: number;
  readonly words?: readonly string[];
}

const seconds: Field = { name: 'second', least: 0, most: 59 };
const fields: readonly Field[] = [
  { name: 'minute', least: 0, most: 59 },
  { name: 'hour', least: 0, most: 23 },
  { name: 'day', least: 1, most: 31 },
  {
    name: 'month',
    least: 1,
    most: 12,
    words: ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'],
  },
  { name: 'day of week', least: 0, most: 6, words: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] },
];

/**
 * A timer trigger's schedule: NCRONTAB with six fields (seconds first) or five, or a time span. `timeZone` is an IANA name.
 * NCRONTAB is not crontab: both the day and the day of week must fit, 7 is no Sunday, and there is no L, W, # or ?.
 * Throws ScheduleError, also for an expression that never occurs.
 */
export function parseSchedule(text: string, timeZone = 'UTC'): Schedule {
  return text.includes(':') ? constantSchedule(text) : cronSchedule(text, timeZone);
}

function constantSchedule(text: string): Schedule {
  const intervalMs = parseTimeSpan(text);
  if (intervalMs === null || intervalMs <= 0) throw new ScheduleError(`'${text}' is not a time span hh:mm:ss`);
  return { text, next: (after) => new Date(after.getTime() + intervalMs) };
}

function cronSchedule(text: string, timeZone: string): Schedule {
  const parts = text.trim().split(/\s+/);
  const expected = parts.length === 5 ? fields : [seconds, ...fields];
  if (parts.length !== expected.length)
    throw new ScheduleError(`'${text}' must have six fields (second minute hour day month day-of-week)`);
  const lists = expected.map((field, index) => expandField(parts[index] ?? '', field, text));
  const pattern = (parts.length === 5 ? ['0', ...lists] : lists).join(' ');
  const cron = createCron(pattern, text, timeZone);
  const next = (after: Date): Date => {
    const found = cron.nextRun(after);
    if (!found) throw new ScheduleError(`'${text}' never occurs`);
    return found;
  };
  next(new Date());
  return { text, next };
}

function createCron(pattern: string, text: string, timezone: string): Cron {
  try {
    const cron = new Cron(pattern, { paused: true, timezone, domAndDow: true, mode: '6-part' });
    // The time zone is looked up only when it is used.
    cron.nextRun();
    return cron;
  } catch (error) {
    throw new ScheduleError(
      `'${text}' in time zone ${timezone}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

/** Writes a field as a plain list, so that nothing of croner's wider syntax gets in. */
function expandField(part: string, field: Field, text: string): string {
  const values = new Set<number>();
  for (const item of part.toLowerCase().split(',')) {
    const [from, to, step] = expandItem(item, field, text);
    for (let value = from; value <= to; value += step) values.add(value);
  }
  if (values.size === field.most - field.least + 1) return '*';
  return [...values].sort((a, b) => a - b).join(',');
}

function expandItem(item: string, field: Field, text: string): [from: number, to: number, step: number] {
  const groups = /^(?:(?<all>\*)|(?<first>\w+)(?:-(?<last>\w+))?)(?:\/(?<step>\d+))?$/.exec(item)?.groups;
  const fail = (): never => {
    throw new ScheduleError(`'${text}': '${item}' does not fit the field ${field.name} (${field.least}-${field.most})`);
  };
  if (!groups) return fail();
  const step = Number(groups.step ?? 1);
  if (step < 1) return fail();
  if (groups.all) return [field.least, field.most, step];
  const from = fieldValue(groups.first ?? '', field) ?? fail();
  // `5/15` counts on from 5 to the end of the field.
  const to =
    groups.last === undefined
      ? groups.step === undefined
        ? from
        : field.most
      : (fieldValue(groups.last, field) ?? fail());
  if (from > to) return fail();
  return [from, to, step];
}

function fieldValue(text: string, field: Field): number | null {
  const word = field.words?.findIndex((name) => text.startsWith(name) && /^[a-z]+$/.test(text)) ?? -1;
  const value = word >= 0 ? word + field.least : Number(text);
  return Number.isInteger(value) && value >= field.least && value <= field.most ? value : null;
}
