import { runSchedule, type ScheduleOptions, type ScheduleResult } from './schedule.ts';

/** A schedule's choices again, up to `steps` of them; what is left then goes in order. */
export function again(options: ScheduleOptions, choices: readonly number[], steps: number): Promise<ScheduleResult> {
  let place = 0;
  const pick = () => choices[place++] ?? null;
  return runSchedule({ ...options, pick, limit: Math.min(steps, choices.length) });
}

/** The fewest of a schedule's first choices after which something is wrong, even if the rest goes in order. */
export async function shortest(
  options: ScheduleOptions,
  { choices }: ScheduleResult,
): Promise<{ readonly steps: number; readonly result: ScheduleResult }> {
  for (let steps = 0; steps < choices.length; steps += 1) {
    const result = await again(options, choices, steps);
    if (result.violation) return { steps, result };
  }
  return { steps: choices.length, result: await again(options, choices, choices.length) };
}

/** For people: what was wrong, how it came to that, and how to see it again. */
export async function report(
  options: ScheduleOptions,
  found: ScheduleResult,
  command: (steps: number) => string,
): Promise<string> {
  const { steps, result } = await shortest(options, found);
  return [
    `${result.violation} (job ${options.shape.name}, after ${steps} choices)`,
    ...result.trace,
    `Again: ${command(steps)}`,
  ].join('\n');
}
