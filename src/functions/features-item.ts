import { registerRoute } from '../http/register.ts';
import { featuresItem } from '../http/routes/features/items.ts';

registerRoute(featuresItem);
