import { registerRoute } from '../http/register.ts';
import { jobStatus } from '../http/routes/job-status.ts';

registerRoute(jobStatus);
