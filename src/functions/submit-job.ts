import { registerRoute } from '../http/register.ts';
import { submitJob } from '../http/routes/submit-job.ts';

registerRoute(submitJob);
