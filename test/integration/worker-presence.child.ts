import { openPostgres } from '../../infrastructure/postgres/postgres.ts';
import { WorkerPresence } from '../../infrastructure/postgres/presence.ts';

/** A worker that claims tasks 0 and 1 of a stage for an hour and then does nothing. */
const [url = '', worker = '', jobId = ''] = process.argv.slice(2);
const presence = new WorkerPresence({ url }, worker);
await presence.start();
const { store } = await openPostgres({ url });
for (const task of [0, 1]) {
  await store.claimTask({ jobId, run: 1, stage: 1, task }, { worker, leaseMs: 3_600_000 });
}
process.send?.('working');
setInterval(() => {}, 1000);
