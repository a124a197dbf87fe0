import { app as functions } from '@azure/functions';
import { currentApp, currentConfig } from '../app.ts';
import { runUpkeep } from '../upkeep.ts';

functions.timer('upkeep_stages', {
  schedule: currentConfig().upkeepSchedules.stages,
  handler: async () => runUpkeep(await currentApp(), 'stages'),
});
