import { z } from 'zod';
import type { TimeInterval } from '../../../core/ports/feature-collections.ts';

const timeOfDay = z.iso.datetime({ offset: true });
const day = z.iso.date();
const oneDayMs = 24 * 60 * 60 * 1000;

/** A time or interval of RFC 3339; `..` or nothing leaves an end open. Dates alone stand for the whole day in UTC. */
export const datetimeParameter = z
  .string()
  .max(200)
  .transform((text, context): TimeInterval => {
    const parsed = parseDatetime(text);
    if (typeof parsed !== 'string') return parsed;
    context.addIssue({ code: 'custom', message: parsed });
    return z.NEVER;
  })
  .meta({
    description: 'A time of RFC 3339, e.g. `2024-02-12T23:20:50Z`, or an interval, `start/end`, `../end`, `start/..`.',
  });

/** The interval, or what is wrong with it. */
export function parseDatetime(text: string): TimeInterval | string {
  const parts = text.toUpperCase().split('/');
  const [first = '', second = first] = parts;
  if (parts.length > 2) return 'must be a time, or two with a slash between';
  const open = (part: string) => parts.length === 2 && (part === '' || part === '..');
  if (![first, second].every((part) => open(part) || isTime(part)))
    return 'must be a time of RFC 3339, or two with a slash between';
  if (open(first) && open(second)) return 'must have a start or an end';
  const start = open(first) ? null : startOf(first);
  const end = open(second) ? null : endOf(second);
  if (start !== null && end !== null && Date.parse(start) > Date.parse(end.end))
    return 'must have its start before its end';
  return { start, end: end?.end ?? null, ...(end?.endExclusive && { endExclusive: true }) };
}

function isTime(text: string): boolean {
  return (timeOfDay.safeParse(text).success || day.safeParse(text).success) && !text.startsWith('0000');
}

function startOf(text: string): string {
  return text.length === 10 ? `${text}T00:00:00Z` : text;
}

function endOf(text: string): { end: string; endExclusive: boolean } {
  if (text.length > 10) return { end: text, endExclusive: false };
  return { end: new Date(Date.parse(startOf(text)) + oneDayMs).toISOString(), endExclusive: true };
}
