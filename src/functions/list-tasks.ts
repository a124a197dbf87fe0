import { registerRoute } from '../http/register.ts';
import { listTasks } from '../http/routes/list-tasks.ts';

registerRoute(listTasks);
