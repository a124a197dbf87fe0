import { registerRoute } from '../http/register.ts';
import { featuresConformance } from '../http/routes/features/conformance.ts';

registerRoute(featuresConformance);
