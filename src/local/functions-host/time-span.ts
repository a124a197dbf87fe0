const pattern =
  /^(?<sign>-)?(?:(?<days>\d+)\.)?(?<first>\d+):(?<second>\d{1,2})(?::(?<third>\d{1,2})(?:\.(?<fraction>\d{1,7}))?)?$/;
const wholeDays = /^-?\d+$/;
const dayMs = 86_400_000;

/**
 * A .NET time span in milliseconds: `[-][d.]hh:mm[:ss[.fffffff]]`, or whole days. `24:00:00` is 24 days, as in .NET: a
 * first number that is no hour of a day counts days. Returns null for anything else.
 */
export function parseTimeSpan(text: string): number | null {
  const trimmed = text.trim();
  if (wholeDays.test(trimmed)) return Number(trimmed) * dayMs;
  const groups = pattern.exec(trimmed)?.groups;
  if (!groups) return null;
  const [first, second, third] = [Number(groups.first), Number(groups.second), Number(groups.third ?? 0)];
  const fractionMs = Number(`0.${groups.fraction ?? 0}`) * 1000;
  const shifted = first > 23 && groups.days === undefined;
  if (shifted && groups.fraction !== undefined) return null;
  const [days, hours, minutes, seconds] = shifted
    ? [first, second, third, 0]
    : [Number(groups.days ?? 0), first, second, third];
  if (hours > 23 || minutes > 59 || seconds > 59) return null;
  const ms = days * dayMs + hours * 3_600_000 + minutes * 60_000 + seconds * 1000 + fractionMs;
  return groups.sign ? -ms : ms;
}
