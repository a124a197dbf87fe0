import { after, before, test } from 'node:test';
import { queueCalls } from '../fixtures/functions/calls.ts';
import { eventually } from '../tools/poll.ts';
import { type QueueHost, startQueueHost } from '../tools/queue-host.ts';

let host: QueueHost;
before(async () => {
  host = await startQueueHost({ settleLimitMs: 500, maxConcurrentCalls: 8 });
});
after(() => host.close());

/**
 * The SDK waits a fixed 60 s for a link that it began to open as its connection died (rhea-promise's
 * operationTimeoutInSeconds, which no option of the SDK reaches). It did after 5 of 35 cuts.
 */
const afterCut = { timeoutMs: 100_000 };

const [cuts, sentBefore, handledBefore] = [3, 300, 200];

const numbers = () => new Set(queueCalls.map(({ body }) => (body as { number: number }).number));

test('connections of the host cut again and again under load lose nothing', { timeout: 500_000 }, async (context) => {
  for (let cut = 0; cut < cuts; cut += 1) {
    // Tests of their own: the runner takes a file that says nothing for minutes for one that hangs.
    await context.test(`cut ${cut + 1}`, async () => {
      const messages = Array.from({ length: sentBefore }, (_, index) => ({
        body: { number: cut * sentBefore + index },
      }));
      await host.send('work', messages);
      await eventually(() => queueCalls.length > cut * handledBefore, afterCut);
      host.emulator.cutConnections();
    });
  }
  // Also those that were locked as their connection was cut: they come again when the lock has run out.
  await eventually(() => numbers().size === cuts * sentBefore && host.total('work') === 0, afterCut);
});
