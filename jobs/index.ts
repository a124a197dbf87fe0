import type { JobDefinition } from '../core/job.ts';
import { helloWorld } from './hello-world.ts';
import { helloWorldSequential } from './hello-world-sequential.ts';

/** Every job type there is. A new one is its file, its handlers, and its line here. */
export const jobTypes: readonly JobDefinition[] = [helloWorld, helloWorldSequential];
