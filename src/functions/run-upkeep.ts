import { registerRoute } from '../http/register.ts';
import { runUpkeep } from '../http/routes/upkeep.ts';

registerRoute(runUpkeep);
