import { startAzurite } from './azurite-server.ts';
import { startPostgres } from './postgres-server.ts';
import type { RunningService } from './service.ts';

/**
 * Runs one test service: prints its address, then waits for the end of standard input, which comes when the process
 * that asked for the service ends or dies. Its own process group keeps it out of reach of a Ctrl-C on the terminal.
 */
const starters: Readonly<Record<string, () => Promise<RunningService>>> = {
  postgres: startPostgres,
  azurite: startAzurite,
};

const start = starters[process.argv[2] ?? ''];
if (start === undefined) throw new Error(`usage: service-keeper.ts ${Object.keys(starters).join(' | ')}`);

const service = await start();
process.stdin.resume();
process.stdin.once('end', () => {
  service.stop().catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exitCode = 1;
  });
});
process.stdout.write(`${service.address}\n`);
