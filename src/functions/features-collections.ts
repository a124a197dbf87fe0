import { registerRoute } from '../http/register.ts';
import { featuresCollections } from '../http/routes/features/collections.ts';

registerRoute(featuresCollections);
