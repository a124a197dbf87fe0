import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Budget, noFaults } from './choices.ts';
import { loadCore } from './core.ts';
import { explore } from './explore.ts';
import { again, report } from './report.ts';
import { type Shape, shapes } from './shapes.ts';

interface Case {
  readonly shape: Shape;
  readonly faults: Partial<Budget>;
}

/** Small enough to look at every order of their steps each time. mutants.test.ts searches the same ones. */
const quick: readonly Case[] = [
  { shape: shapes.two, faults: {} },
  { shape: shapes.twoTogether, faults: {} },
  { shape: shapes.failing, faults: {} },
  { shape: shapes.one, faults: { crash: 1 } },
  { shape: shapes.one, faults: { drop: 1 } },
  { shape: shapes.one, faults: { lose: 1 } },
  { shape: shapes.one, faults: { fail: 1, cancel: 1 } },
];

/** Minutes each: with MODEL_EXHAUSTIVE=all. */
const slow: readonly Case[] = [
  { shape: shapes.one, faults: { clock: 1 } },
  { shape: shapes.one, faults: { repeat: 1 } },
  { shape: shapes.one, faults: { crash: 1, upkeep: 1 } },
  { shape: shapes.two, faults: { crash: 1 } },
  { shape: shapes.two, faults: { cancel: 1 } },
  { shape: shapes.twoTogether, faults: { crash: 1 } },
  { shape: shapes.twoTogether, faults: { repeat: 1 } },
  { shape: shapes.threeTogether, faults: {} },
  { shape: shapes.fanIn, faults: {} },
  { shape: shapes.goesOn, faults: {} },
  { shape: shapes.empty, faults: { repeat: 1 } },
  { shape: shapes.empty, faults: { crash: 1, drop: 1 } },
];

/** MODEL_CASE and MODEL_CHOICES: one schedule, with its trace; MODEL_STEPS: only so many of its choices. */
const { MODEL_EXHAUSTIVE, MODEL_CASE, MODEL_CHOICES = '', MODEL_STEPS = '400' } = process.env;
const file = 'test/model/exhaustive.test.ts';
const mostSchedules = 300_000;

function nameOf({ shape, faults }: Case): string {
  const counts = Object.entries(faults).map(([kind, count]) => `${count}-${kind}`);
  return [shape.name, ...counts].join('-');
}

if (MODEL_CASE === undefined) {
  for (const one of MODEL_EXHAUSTIVE === 'all' ? [...quick, ...slow] : quick) {
    test(`every order of the steps of ${nameOf(one)}`, { timeout: 3_600_000 }, async (t) => {
      const core = await loadCore();
      const { shape } = one;
      const budget = { ...noFaults, ...one.faults };
      const { schedules, states, exhausted, found } = await explore(core, shape, budget, { schedules: mostSchedules });
      t.diagnostic(`${schedules} schedules, ${states} states`);
      if (found) {
        const choices = `MODEL_CASE=${nameOf(one)} MODEL_CHOICES=${found.choices.join(',')}`;
        const command = (steps: number) => `${choices} MODEL_STEPS=${steps} ./run exec node --test ${file}`;
        assert.fail(await report({ core, shape, budget, pick: () => null }, found, command));
      }
      assert.ok(exhausted, `not all of it in ${mostSchedules} schedules`);
      assert.ok(states > 50, 'it looked at more than one order');
    });
  }
} else {
  test(`the schedule ${MODEL_CHOICES} of ${MODEL_CASE}`, async () => {
    const one = [...quick, ...slow].find((other) => nameOf(other) === MODEL_CASE);
    assert.ok(one, `MODEL_CASE knows ${[...quick, ...slow].map(nameOf).join(', ')}`);
    const budget = { ...noFaults, ...one.faults };
    const options = { core: await loadCore(), shape: one.shape, budget, pick: () => null };
    const choices = MODEL_CHOICES.split(',').map(Number);
    const { violation, trace } = await again(options, choices, Number(MODEL_STEPS));
    console.log(trace.join('\n'));
    assert.equal(violation, null);
  });
}
