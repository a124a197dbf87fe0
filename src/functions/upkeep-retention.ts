import { app as functions } from '@azure/functions';
import { currentApp, currentConfig } from '../app.ts';
import { runUpkeep } from '../upkeep.ts';

functions.timer('upkeep_retention', {
  schedule: currentConfig().upkeepSchedules.retention,
  handler: async () => runUpkeep(await currentApp(), 'retention'),
});
