import { registerRoute } from '../http/register.ts';
import { openApi } from '../http/routes/openapi.ts';

registerRoute(openApi);
