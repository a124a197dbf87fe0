import { registerRoute } from '../http/register.ts';
import { featuresCollection } from '../http/routes/features/collections.ts';

registerRoute(featuresCollection);
