import { registerRoute } from '../http/register.ts';
import { retryJob } from '../http/routes/retry-job.ts';

registerRoute(retryJob);
