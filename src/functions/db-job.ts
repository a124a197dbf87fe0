import { registerRoute } from '../http/register.ts';
import { dbJob } from '../http/routes/db-job.ts';

registerRoute(dbJob);
