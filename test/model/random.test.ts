import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadCore } from './core.ts';
import { mutants } from './mutants.ts';
import { again, report } from './report.ts';
import { runSchedule, type ScheduleOptions } from './schedule.ts';
import { randomSchedule } from './strategies.ts';

/**
 * MODEL_RUNS: how many schedules. MODEL_SEED: only this one, with its trace; MODEL_STEPS: only its first choices, the
 * rest in order; MODEL_MUTANT: without this guard.
 */
const { MODEL_RUNS = '2000', MODEL_SEED, MODEL_STEPS = '400', MODEL_MUTANT } = process.env;
/** What the schedules must have met, or they prove little. */
const everyAnswer = [
  ...['created', 'existing', 'active'].map((answer) => `submitJob ${answer}`),
  ...['created', 'exists', 'stale'].map((answer) => `createStage ${answer}`),
  ...['claimed', 'busy', 'early', 'refused'].map((answer) => `claimTask ${answer}`),
  ...['held', 'cancelled', 'lost'].map((answer) => `renewLease ${answer}`),
  ...['completed', 'failed', 'cancelled', 'retrying', 'lost'].map((answer) => `endAttempt ${answer}`),
  ...['hasOpenTasks', 'advanceJob', 'finishJob'].flatMap((name) => [`${name} true`, `${name} false`]),
  'findJobsToPublish some',
  'findStagesToPublish some',
  'takeTasksToPublish some',
  'takeExpiredLeases some',
  'findStagesToClose some',
  'findCallbacksDue some',
];
const file = 'test/model/random.test.ts';

if (MODEL_SEED === undefined) {
  test(`${MODEL_RUNS} random schedules of jobs under faults: each ends as it deserves`, {
    timeout: 3_600_000,
  }, async () => {
    const core = await loadCore();
    const answers = new Set<string>();
    for (let seed = 0; seed < Number(MODEL_RUNS); seed += 1) {
      const options = { core, ...randomSchedule(seed) };
      const result = await runSchedule(options);
      for (const answer of result.answers) answers.add(answer);
      if (!result.violation) continue;
      const command = (steps: number) => `MODEL_SEED=${seed} MODEL_STEPS=${steps} ./run exec node --test ${file}`;
      assert.fail(await report(options, result, command));
    }
    const missing = everyAnswer.filter((answer) => !answers.has(answer));
    assert.deepEqual(missing, [], 'every race that the store decides was lost and won');
  });
  test('the same seed plays the same schedule', async () => {
    const core = await loadCore();
    for (const seed of [3, 14, 15, 92]) {
      const first = await runSchedule({ core, ...randomSchedule(seed) });
      const second = await runSchedule({ core, ...randomSchedule(seed) });
      assert.deepEqual(second, first);
    }
  });
} else {
  test(`the schedule of seed ${MODEL_SEED}`, async () => {
    const mutant = mutants.find(({ name }) => name === MODEL_MUTANT);
    assert.ok(mutant || !MODEL_MUTANT, `MODEL_MUTANT knows ${mutants.map(({ name }) => name).join(', ')}`);
    const options: ScheduleOptions = { core: await loadCore(mutant), ...randomSchedule(Number(MODEL_SEED)) };
    const whole = await runSchedule(options);
    const { violation, trace } = await again(options, whole.choices, Number(MODEL_STEPS));
    console.log(trace.join('\n'));
    assert.equal(violation, null);
  });
}
