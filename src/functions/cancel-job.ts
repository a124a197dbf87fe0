import { registerRoute } from '../http/register.ts';
import { cancelJob } from '../http/routes/cancel-job.ts';

registerRoute(cancelJob);
