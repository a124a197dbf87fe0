import { CoreMachine } from '../../core/machine/core-machine.ts';
import { memoryEngine } from '../../core/testing/run-job.ts';
import { openPostgres } from '../../infrastructure/postgres/postgres.ts';
import { crashInstants } from '../../src/instants.ts';

/** Looks for dead workers until it has buried one, and dies of it as by kill -9. */
const [url = ''] = process.argv.slice(2);
const { store } = await openPostgres({ url });
const machine = new CoreMachine({ ...memoryEngine([]), store, instants: crashInstants('workers-buried') });
for (;;) await machine.buryWorkers(50);
