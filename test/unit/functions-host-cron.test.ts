import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSchedule, ScheduleError } from '../../src/local/functions-host/timer/ncrontab.ts';

/** The next occurrences after an instant, in UTC to the second. */
function following(text: string, after: string, count = 3, timeZone?: string): string[] {
  const schedule = parseSchedule(text, timeZone);
  const found: string[] = [];
  for (let at = new Date(after); found.length < count; ) {
    at = schedule.next(at);
    found.push(at.toISOString().slice(0, 19));
  }
  return found;
}

test('six fields, seconds first', () => {
  assert.deepEqual(following('*/30 * * * * *', '2026-01-01T00:00:10Z'), [
    '2026-01-01T00:00:30',
    '2026-01-01T00:01:00',
    '2026-01-01T00:01:30',
  ]);
  assert.deepEqual(following('0 5,7 */12 * * *', '2026-01-01T00:06:00Z'), [
    '2026-01-01T00:07:00',
    '2026-01-01T12:05:00',
    '2026-01-01T12:07:00',
  ]);
  assert.deepEqual(following('0 30 9 * Jan Mon-Fri', '2026-01-30T10:00:00Z', 1), ['2027-01-01T09:30:00']);
});

test('an occurrence is strictly after the instant asked from', () => {
  assert.deepEqual(following('0 * * * * *', '2026-01-01T00:01:00.000Z', 1), ['2026-01-01T00:02:00']);
  assert.deepEqual(following('0 * * * * *', '2026-01-01T00:00:59.999Z', 1), ['2026-01-01T00:01:00']);
});

test('five fields begin with the minute', () => {
  assert.deepEqual(following('15 3 * * *', '2026-01-01T00:00:00Z', 1), ['2026-01-01T03:15:00']);
});

test('a start with a step counts on to the end of the field', () => {
  assert.deepEqual(following('10/20 0 0 1 1 *', '2026-01-01T00:00:00Z'), [
    '2026-01-01T00:00:10',
    '2026-01-01T00:00:30',
    '2026-01-01T00:00:50',
  ]);
});

test('day and day of week must both fit', () => {
  assert.deepEqual(following('0 0 0 13 * 5', '2026-01-01T00:00:00Z', 2), [
    '2026-02-13T00:00:00',
    '2026-03-13T00:00:00',
  ]);
  assert.deepEqual(following('0 0 0 29 2 *', '2026-01-01T00:00:00Z', 1), ['2028-02-29T00:00:00']);
});

test('time spans repeat from the start', () => {
  assert.deepEqual(following('00:00:15', '2026-01-01T00:00:01Z', 2), ['2026-01-01T00:00:16', '2026-01-01T00:00:31']);
  assert.deepEqual(following('1.00:00:00', '2026-01-01T00:00:00Z', 1), ['2026-01-02T00:00:00']);
});

test('a time zone moves with its clock', () => {
  assert.deepEqual(following('0 0 12 28-30 3 *', '2026-03-27T12:00:00Z', 3, 'Europe/Berlin'), [
    '2026-03-28T11:00:00',
    '2026-03-29T10:00:00',
    '2026-03-30T10:00:00',
  ]);
});

test('what NCRONTAB does not have is refused', () => {
  for (const text of [
    '* * * *',
    '* * * * * * *',
    '60 * * * * *',
    '0 0 24 * * *',
    '0 0 0 0 * *',
    '0 0 0 * 13 *',
    '0 0 0 * * 7',
    '0 0 0 L * *',
    '0 0 0 ? * *',
    '0 0 0 * * 5#2',
    '*/0 * * * * *',
    '5-1 * * * * *',
    '@daily',
    '0 0 0 30 2 *',
    '00:00:00',
    '00:61:00',
    '',
  ]) {
    assert.throws(() => parseSchedule(text), ScheduleError, text);
  }
  assert.throws(() => parseSchedule('0 * * * * *', 'Nowhere/Land'), ScheduleError);
});
