import { app as functions } from '@azure/functions';
import { currentApp, currentConfig } from '../app.ts';
import { runUpkeep } from '../upkeep.ts';

functions.timer('upkeep_leases', {
  schedule: currentConfig().upkeepSchedules.leases,
  handler: async () => runUpkeep(await currentApp(), 'leases'),
});
