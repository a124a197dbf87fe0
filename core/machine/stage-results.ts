import type { JobDefinition, ResultsByStage } from '../job.ts';
import type { StageRef } from '../ports/state-store.ts';
import { StageResults } from '../results.ts';
import type { Engine } from './engine.ts';

const resultsPerPage = 500;

/** The completed results of one stage, read page by page. They were checked when they were stored. */
export function readResults(engine: Engine, ref: StageRef): StageResults<unknown> {
  return new StageResults((after) => engine.store.resultPage(ref, after, resultsPerPage));
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
