import { registerRoute } from '../http/register.ts';
import { upkeepHistory } from '../http/routes/upkeep.ts';

registerRoute(upkeepHistory);
