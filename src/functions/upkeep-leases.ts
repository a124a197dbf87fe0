import { app as functions } from '@azure/functions';
import { currentApp } from '../app.ts';
import { runUpkeep } from '../upkeep.ts';

functions.timer('upkeep_leases', {
  schedule: '*/30 * * * * *',
  handler: async () => runUpkeep(await currentApp(), 'leases'),
});
