import { app as functions } from '@azure/functions';
import { currentApp } from '../app.ts';

functions.serviceBusQueue('process_job', {
  connection: 'SERVICE_BUS_CONNECTION',
  queueName: '%JOB_QUEUE_NAME%',
  handler: async (body) => (await currentApp()).machine.handleJobMessage(body),
});
