import { app as functions } from '@azure/functions';
import { currentApp, currentConfig } from '../app.ts';
import { deliveryOf } from '../delivery.ts';

functions.serviceBusQueue('process_task', {
  connection: 'SERVICE_BUS_CONNECTION',
  queueName: currentConfig().taskQueueName,
  handler: async (body, context) => (await currentApp()).runTask(body, deliveryOf(context)),
});
