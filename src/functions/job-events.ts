import { registerRoute } from '../http/register.ts';
import { jobEvents } from '../http/routes/job-events.ts';

registerRoute(jobEvents);
