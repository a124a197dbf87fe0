import type { Route } from '../route.ts';
import { cancelJob } from './cancel-job.ts';
import { dbJob } from './db-job.ts';
import { listDeadLetters, resubmitDeadLetters } from './dead-letters.ts';
import { featuresCollection, featuresCollections } from './features/collections.ts';
import { featuresConformance } from './features/conformance.ts';
import { featuresItem, featuresItems } from './features/items.ts';
import { featuresLanding } from './features/landing.ts';
import { health, healthLive, healthReady } from './health.ts';
import { jobEvents } from './job-events.ts';
import { jobStatus } from './job-status.ts';
import { jobTypes } from './job-types.ts';
import { listJobs } from './list-jobs.ts';
import { listTasks } from './list-tasks.ts';
import { openApi } from './openapi.ts';
import { listQueues } from './queues.ts';
import { retryJob } from './retry-job.ts';
import { submitJob, submitJobShort } from './submit-job.ts';
import { runUpkeep, upkeepHistory } from './upkeep.ts';

/** Every endpoint; the OpenAPI document is made from this list, and a test compares it with the registered triggers. */
export const routes: readonly Route[] = [
  submitJob,
  submitJobShort,
  jobStatus,
  dbJob,
  listJobs,
  listTasks,
  jobEvents,
  cancelJob,
  retryJob,
  runUpkeep,
  upkeepHistory,
  jobTypes,
  listQueues,
  listDeadLetters,
  resubmitDeadLetters,
  featuresLanding,
  featuresConformance,
  featuresCollections,
  featuresCollection,
  featuresItems,
  featuresItem,
  health,
  healthLive,
  healthReady,
  openApi,
];
