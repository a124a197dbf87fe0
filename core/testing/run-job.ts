import { CoreMachineError } from '../errors.ts';
import type { Instants } from '../instants.ts';
import type { JobDefinition } from '../job.ts';
import { canonicalJson, type JsonObject } from '../json.ts';
import { limits } from '../limits.ts';
import { type Log, silentLog } from '../log.ts';
import { CoreMachine } from '../machine/core-machine.ts';
import type { CompletionCallback, Engine } from '../machine/engine.ts';
import type { JobRecord, StageRecord, StateStore } from '../ports/state-store.ts';
import { silentTelemetry, type Telemetry } from '../ports/telemetry.ts';
import { JobRegistry } from '../registry.ts';
import type { Services } from '../services.ts';
import { isActive } from '../states.ts';
import { MemoryQueue } from './memory-queue.ts';
import { MemoryStateStore } from './memory-state-store.ts';

export interface RunJobOptions {
  /** What the handlers need of the outside world; asking for a service that was not given throws. */
  readonly services?: Partial<Services>;
  readonly log?: Log;
  readonly telemetry?: Telemetry;
  readonly onJobComplete?: CompletionCallback;
  readonly instants?: Instants;
}

export interface FinishedJob {
  readonly job: JobRecord;
  readonly stages: readonly StageRecord[];
  /** The store, for looking at tasks and results. */
  readonly store: StateStore;
}

/**
 * Runs one job to its end in this process, without any service, through the same engine that runs in Azure. Retries do
 * not wait: the clock of the store and the queue jumps to the next message.
 */
export async function runJob(
  definition: JobDefinition,
  parameters: JsonObject,
  options: RunJobOptions = {},
): Promise<FinishedJob> {
  const clock = jumpingClock();
  const store = new MemoryStateStore(clock.now);
  const queue = new MemoryQueue(clock.now);
  const machine = new CoreMachine({ ...memoryEngine([definition], options), store, queue, now: clock.now });
  const { job } = await machine.submit({
    jobType: definition.name,
    body: parameters,
    force: false,
    correlationId: 'run-job',
  });
  await drain(machine, queue, clock);
  const ended = await store.getJob(job.jobId);
  if (!ended || isActive(ended.status)) throw new CoreMachineError('INTERNAL', 'the job did not end');
  if (ended.result) requireDocumented(definition, ended.result);
  return { job: ended, stages: await store.getStages(job.jobId, ended.run), store };
}

/** Docs are made from the schema, so a result must have its keys and no others. */
function requireDocumented({ name, result: schema }: JobDefinition, result: JsonObject): void {
  if (!schema) return;
  const { job_type: _, stages_completed, total_tasks_executed, tasks_by_status, ...own } = result;
  const parsed = schema.safeParse(own);
  if (!parsed.success) {
    throw new CoreMachineError('RESULT_INVALID', `the result of ${name} is not as documented`, { cause: parsed.error });
  }
  // Zod leaves out what a schema does not name.
  if (canonicalJson(parsed.data as JsonObject) === canonicalJson(own)) return;
  throw new CoreMachineError('RESULT_INVALID', `the result of ${name} has keys that are not documented`);
}

/** An engine on in-memory ports. */
export function memoryEngine(definitions: readonly JobDefinition[], options: RunJobOptions = {}): Engine {
  return {
    registry: new JobRegistry(definitions),
    store: new MemoryStateStore(),
    queue: new MemoryQueue(),
    services: servicesOrThrow(options.services ?? {}),
    log: options.log ?? silentLog,
    telemetry: options.telemetry ?? silentTelemetry,
    worker: 'memory',
    leaseMs: 30_000,
    publishGraceMs: 15_000,
    retentionDays: null,
    messageAgeMs: limits.messageAgeMs,
    now: Date.now,
    instants: options.instants ?? (() => {}),
    onJobComplete: options.onJobComplete ?? null,
  };
}

interface JumpingClock {
  now(): number;
  jumpTo(time: number): void;
}

function jumpingClock(): JumpingClock {
  let ahead = 0;
  return {
    now: () => Date.now() + ahead,
    jumpTo: (time) => {
      ahead = Math.max(ahead, time - Date.now());
    },
  };
}

async function drain(machine: CoreMachine, queue: MemoryQueue, clock: JumpingClock): Promise<void> {
  for (let due = queue.nextDue(); due !== null; due = queue.nextDue()) {
    clock.jumpTo(due);
    const next = queue.take();
    if (next?.queue === 'jobs') await machine.handleJobMessage(next.message.body);
    else if (next) await machine.handleTaskMessage(next.message.body);
  }
}

function servicesOrThrow(services: Partial<Services>): Services {
  return new Proxy(services as Services, {
    get(given, name, receiver) {
      if (name in given) return Reflect.get(given, name, receiver);
      throw new CoreMachineError('INTERNAL', `runJob was given no service ${JSON.stringify(String(name))}`);
    },
  });
}
