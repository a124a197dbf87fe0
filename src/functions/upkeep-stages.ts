import { app as functions } from '@azure/functions';
import { currentApp } from '../app.ts';
import { runUpkeep } from '../upkeep.ts';

functions.timer('upkeep_stages', {
  schedule: '0 * * * * *',
  handler: async () => runUpkeep(await currentApp(), 'stages'),
});
