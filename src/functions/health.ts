import { registerRoute } from '../http/register.ts';
import { health } from '../http/routes/health.ts';

registerRoute(health);
