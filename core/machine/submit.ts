import { CoreMachineError } from '../errors.ts';
import { jobIdOf } from '../ids.ts';
import type { JobDefinition } from '../job.ts';
import { jobMessage } from '../messages.ts';
import type { JobRecord, SubmitOutcome } from '../ports/state-store.ts';
import type { Engine } from './engine.ts';
import { jobQueued } from './observe.ts';
import { type ParsedParameters, parseParameters } from './parameters.ts';
import { publishJob } from './publish.ts';

export interface SubmitRequest {
  /** A job type's name or alias. */
  readonly jobType: string;
  /** The decoded request body: the parameters. */
  readonly body: unknown;
  /** Starts the next run of a job that has ended, however it ended. */
  readonly force: boolean;
  readonly correlationId: string;
}

export interface SubmitAnswer {
  readonly job: JobRecord;
  /** True when a run began. */
  readonly created: boolean;
  /** False when a run began but its message could not be sent yet; the reconciler will. */
  readonly queued: boolean;
  readonly messageId: string;
}

/**
 * Validates, stores, publishes. Throws UNKNOWN_JOB_TYPE, INVALID_PARAMETERS, what the job type's resource check
 * throws, JOB_ACTIVE for a forced run of an active job. When this returns the job is safe in the database.
 */
export async function submit(engine: Engine, request: SubmitRequest): Promise<SubmitAnswer> {
  const definition = engine.registry.get(request.jobType);
  const parsed = parseParameters(definition, request.body);
  const id = await jobIdOf(definition.name, parsed.identity);
  await definition.checkResources(parsed.parameters as never, engine.services, { id });
  const { outcome, job } = await store(engine, id, definition, parsed, request);
  const messageId = jobMessage({ jobId: job.jobId, run: job.run, stage: 1 }, job.correlationId).id;
  if (outcome === 'existing') return { job, created: false, queued: false, messageId };
  jobQueued(engine, definition.name);
  await engine.instants('job-stored', { jobId: job.jobId, stage: 1 });
  const queued = await publishJob(engine, { jobId: job.jobId, run: job.run, stage: 1 }, job.correlationId);
  return { job, created: true, queued, messageId };
}

async function store(
  engine: Engine,
  jobId: string,
  definition: JobDefinition,
  parsed: ParsedParameters,
  request: SubmitRequest,
): Promise<SubmitOutcome> {
  const newJob = {
    jobId,
    jobType: definition.name,
    totalStages: definition.stages.length,
    parameters: parsed.parameters,
    metadata: parsed.metadata,
    correlationId: request.correlationId,
  };
  const stored = await engine.store.submitJob(newJob, { force: request.force });
  if (stored.outcome === 'active') {
    throw new CoreMachineError('JOB_ACTIVE', `the job is ${stored.job.status}: wait for its end, or cancel it first`);
  }
  const fields = {
    jobId: stored.job.jobId,
    jobType: definition.name,
    run: stored.job.run,
    correlationId: request.correlationId,
  };
  engine.log.info(stored.outcome === 'created' ? 'Job:Created' : 'Job:Resubmitted', fields);
  return stored;
}
