import { registerRoute } from '../http/register.ts';
import { resubmitDeadLetters } from '../http/routes/dead-letters.ts';

registerRoute(resubmitDeadLetters);
