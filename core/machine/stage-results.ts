import type { JobDefinition, ResultsByStage, TaskFailure } from '../job.ts';
import type { StageRef } from '../ports/state-store.ts';
import { StageResults } from '../results.ts';
import type { Engine } from './engine.ts';

const failuresPerPage = 500;

/** The completed results of one stage, read page by page. They were checked when they were stored. */
export function readResults(engine: Engine, ref: StageRef): StageResults<unknown> {
  const completed = async () => {
    const stages = await engine.store.getStages(ref.jobId, ref.run);
    return stages.find(({ number }) => number === ref.stage)?.counts.completed ?? 0;
  };
  return new StageResults((after, limit) => engine.store.resultPage(ref, after, limit), completed);
}

/** Readers for stages 1 to `upTo`, by stage name. */
export function readResultsByStage(
  engine: Engine,
  definition: JobDefinition,
  ref: StageRef,
  upTo: number,
): ResultsByStage<Record<string, unknown>> {
  const stages = definition.stages.filter((stage) => stage.number <= upTo);
  return Object.fromEntries(stages.map((stage) => [stage.name, readResults(engine, { ...ref, stage: stage.number })]));
}

/** The first failed tasks of a stage, in task order, read page by page. */
export async function readFailures(engine: Engine, ref: StageRef, most: number): Promise<readonly TaskFailure[]> {
  const { jobId, run, stage } = ref;
  const failures: TaskFailure[] = [];
  for (let after: { stage: number; task: number } | undefined; failures.length < most; ) {
    const limit = Math.min(failuresPerPage, most - failures.length);
    const page = await engine.store.listTasks(jobId, run, { stage, status: 'failed', limit, ...(after && { after }) });
    failures.push(...page.flatMap(({ task, key, error }) => (error ? [{ number: task, key, error }] : [])));
    const last = page.at(-1);
    if (!last || page.length < limit) break;
    after = { stage, task: last.task };
  }
  return failures;
}
