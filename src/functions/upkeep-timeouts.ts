import { app as functions } from '@azure/functions';
import { currentApp, currentConfig } from '../app.ts';
import { runUpkeep } from '../upkeep.ts';

functions.timer('upkeep_timeouts', {
  schedule: currentConfig().upkeepSchedules.timeouts,
  handler: async () => runUpkeep(await currentApp(), 'timeouts'),
});
