import { registerRoute } from '../http/register.ts';
import { featuresLanding } from '../http/routes/features/landing.ts';

registerRoute(featuresLanding);
