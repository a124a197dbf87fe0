import { registerRoute } from '../http/register.ts';
import { listJobs } from '../http/routes/list-jobs.ts';

registerRoute(listJobs);
