import { registerRoute } from '../http/register.ts';
import { listQueues } from '../http/routes/queues.ts';

registerRoute(listQueues);
