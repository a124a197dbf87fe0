import { app as functions } from '@azure/functions';
import type { CoreMachine } from '../../core/machine/core-machine.ts';
import { jobQueue, taskQueue } from '../../src/local/stack/queues.ts';

/** The triggers of src/functions, for a machine of the suite. */
export function registerFunctions(machine: CoreMachine): void {
  const connection = 'SERVICE_BUS_CONNECTION';
  functions.serviceBusQueue('process_job', {
    connection,
    queueName: jobQueue,
    handler: (body) => machine.handleJobMessage(body),
  });
  functions.serviceBusQueue('process_task', {
    connection,
    queueName: taskQueue,
    handler: (body) => machine.handleTaskMessage(body),
  });
}
