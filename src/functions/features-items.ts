import { registerRoute } from '../http/register.ts';
import { featuresItems } from '../http/routes/features/items.ts';

registerRoute(featuresItems);
