import { registerRoute } from '../http/register.ts';
import { jobTypes } from '../http/routes/job-types.ts';

registerRoute(jobTypes);
