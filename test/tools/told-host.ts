import { writeSync } from 'node:fs';
import { onJobComplete } from '../../src/app.ts';

// A real host with a receiver of the ends of jobs: a line of its output each, written at once, also if it dies then.
onJobComplete(async ({ jobId, status, result }) => {
  writeSync(1, `\nTOLD ${jobId} ${status} ${result?.message_echoed}\n`);
});
await import('../../src/local/stack/host-process.ts');
