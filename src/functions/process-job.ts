import { app as functions } from '@azure/functions';
import { currentApp, currentConfig } from '../app.ts';
import { deliveryOf } from '../delivery.ts';

functions.serviceBusQueue('process_job', {
  connection: 'SERVICE_BUS_CONNECTION',
  queueName: currentConfig().jobQueueName,
  handler: async (body, context) => (await currentApp()).machine.handleJobMessage(body, deliveryOf(context)),
});
