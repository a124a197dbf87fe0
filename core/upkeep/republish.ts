import type { Engine } from '../machine/engine.ts';
import { publishJob, publishTasks } from '../machine/publish.ts';
import { repeatMark, taskMessage } from '../messages.ts';
import { type UpkeepReport, upkeepBatch } from './report.ts';

/** Published, nobody came, and others are served or nobody is: the message is taken for lost. After `certain` anyway. */
export const unansweredMs = 5 * 60_000;
const certainMs = 30 * 60_000;

/** Sends again what was committed and never sent, or sent and never answered. Duplicates change nothing but time. */
export async function republish(engine: Engine): Promise<UpkeepReport> {
  const ages = { unsentMs: engine.publishGraceMs, unansweredMs };
  const jobs = await engine.store.findJobsToPublish(ages, upkeepBatch);
  const sentJobs: (typeof jobs)[number][] = [];
  for (const job of jobs) {
    if (await publishJob(engine, job, job.correlationId, { again: true })) sentJobs.push(job);
  }
  const stages = await engine.store.findStagesToPublish(ages.unsentMs, upkeepBatch);
  const sentStages: (typeof stages)[number][] = [];
  for (const stage of stages) {
    const tasks = { ...stage, from: stage.published, again: true, queuedOnly: true };
    if (await publishTasks(engine, stage, tasks)) sentStages.push(stage);
  }
  const tasks = await sendLost(engine, { unansweredMs, certainMs });
  const actions = [
    ...sentJobs.map((job) => `sent job ${job.jobId} stage ${job.stage} again`),
    ...sentStages.map(
      (stage) => `sent tasks ${stage.published}-${stage.total - 1} of job ${stage.jobId} stage ${stage.stage}`,
    ),
    ...tasks.map((task) => `sent task ${task.task} of job ${task.jobId} stage ${task.stage} again`),
  ];
  return { scanned: jobs.length + stages.length + tasks.length, fixed: actions.length, actions };
}

/** Sends the messages of waiting tasks again that were lost by the look of it; answers how many. */
export async function republishLost(engine: Engine, age: LostAge): Promise<number> {
  return (await sendLost(engine, age)).length;
}

type LostAge = Parameters<Engine['store']['takeTasksToPublish']>[0];

async function sendLost(engine: Engine, age: LostAge) {
  const tasks = await engine.store.takeTasksToPublish(age, upkeepBatch);
  if (tasks[0]) await engine.instants('tasks-taken', tasks[0]);
  const repeat = repeatMark();
  await engine.queue.sendTaskMessages(
    tasks.map((task) => taskMessage(task, task.correlationId, { attempt: task.attempt + 1, repeat })),
  );
  return tasks;
}
