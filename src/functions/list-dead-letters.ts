import { registerRoute } from '../http/register.ts';
import { listDeadLetters } from '../http/routes/dead-letters.ts';

registerRoute(listDeadLetters);
