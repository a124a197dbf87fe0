import { app as functions } from '@azure/functions';
import { currentApp, currentConfig } from '../app.ts';
import { runUpkeep } from '../upkeep.ts';

functions.timer('upkeep_republish', {
  schedule: currentConfig().upkeepSchedules.republish,
  handler: async () => runUpkeep(await currentApp(), 'republish'),
});
