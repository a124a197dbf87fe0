import { registerRoute } from '../http/register.ts';
import { submitJobShort } from '../http/routes/submit-job.ts';

registerRoute(submitJobShort);
