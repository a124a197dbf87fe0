import { registerRoute } from '../http/register.ts';
import { healthReady } from '../http/routes/health.ts';

registerRoute(healthReady);
