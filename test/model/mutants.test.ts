import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noFaults } from './choices.ts';
import { type Core, loadCore } from './core.ts';
import { explore } from './explore.ts';
import { mutants } from './mutants.ts';
import { report, shortest } from './report.ts';
import { runSchedule, type ScheduleResult } from './schedule.ts';
import { shapes } from './shapes.ts';
import { randomSchedule } from './strategies.ts';

/** Not more than random.test.ts plays of the engine as it is, without finding anything. */
const mostSchedules = 2000;

async function search(core: Core): Promise<{ seed: number; result: ScheduleResult } | null> {
  for (let seed = 0; seed < mostSchedules; seed += 1) {
    const result = await runSchedule({ core, ...randomSchedule(seed) });
    if (result.violation) return { seed, result };
  }
  return null;
}

for (const mutant of mutants) {
  test(`the random search finds what ${mutant.name} does`, async (t) => {
    const core = await loadCore(mutant);
    const found = await search(core);
    assert.ok(found, `nothing in ${mostSchedules} schedules`);
    const options = { core, ...randomSchedule(found.seed) };
    const { steps, result } = await shortest(options, found.result);
    t.diagnostic(`seed ${found.seed}, ${steps} choices: ${result.violation}`);
    assert.match(found.result.violation ?? '', mutant.violation);
    const sound = await runSchedule({ ...options, core: await loadCore() });
    assert.equal(sound.violation, null, 'with the guard the same seed is right');
    const text = await report(options, found.result, (count) => `MODEL_STEPS=${count}`);
    assert.match(text, new RegExp(`Again: MODEL_STEPS=${steps}$`));
  });
}

/** Of exhaustive.test.ts, which finds nothing in the engine as it is. */
const searched = [
  { name: 'no-last-one-check', shape: shapes.two, budget: noFaults },
  { name: 'no-compare-and-set-of-the-end', shape: shapes.one, budget: { ...noFaults, fail: 1, cancel: 1 } },
  { name: 'callback-marked-before-it-is-made', shape: shapes.one, budget: { ...noFaults, crash: 1 } },
  { name: 'no-republish', shape: shapes.one, budget: { ...noFaults, drop: 1 } },
] as const;

for (const { name, shape, budget } of searched) {
  test(`the exhaustive search finds what ${name} does`, async () => {
    const mutant = mutants.find((one) => one.name === name);
    assert.ok(mutant);
    const { found } = await explore(await loadCore(mutant), shape, budget, { schedules: 5000 });
    assert.match(found?.violation ?? '', mutant.violation);
  });
}
