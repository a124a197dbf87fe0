import { registerRoute } from '../http/register.ts';
import { healthLive } from '../http/routes/health.ts';

registerRoute(healthLive);
