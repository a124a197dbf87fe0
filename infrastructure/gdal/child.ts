import { Worker } from 'node:worker_threads';
import gdal from 'gdal-async';
import { setBaseOptions, withOptions } from './operations/config-options.ts';
import { CplLog, lastError } from './operations/cpl-log.ts';
import { messageOf, OperationError } from './operations/operation-error.ts';
import { perform } from './operations/perform.ts';
import type { Failure, Reply, Request, Usage } from './protocol.ts';

/**
 * The program of a GDAL process: one request at a time, answered over the channel to the parent. It never ends by
 * itself except with its parent: cancelling is the parent's SIGKILL, which stops GDAL wherever it is.
 */

const progressIntervalMs = 250;

process.on('disconnect', die);
// The default handler writes to standard error, which is the file that CplLog reads.
gdal.verbose();
setBaseOptions();
const log = new CplLog(2);
process.on('message', (request: Request) => void serve(request));

async function serve(request: Request): Promise<void> {
  const { id } = request;
  send({ type: 'started', id });
  log.begin();
  try {
    const output = await withOptions(request.config, () => perform(request, { log, progress: progressReporter(id) }));
    send({ type: 'done', id, output, reports: log.all(), usage: usage() });
  } catch (error) {
    send({ type: 'failed', id, failure: failureOf(error), usage: usage() });
  }
}

function failureOf(error: unknown): Failure {
  const known = error instanceof OperationError ? error : null;
  const reports = known?.reports ?? log.all();
  // A warp with -multi fails in another thread and leaves its caller without a text.
  const message = messageOf(error) || lastError(reports) || 'GDAL gave no reason';
  return { phase: known?.phase ?? 'run', path: known?.path ?? null, message, reports };
}

/** Rising fractions only, and few: GDAL calls once a block and starts from 0 again with each of its passes. */
function progressReporter(id: number): (fraction: number) => void {
  let highest = 0;
  let sentAt = 0;
  return (fraction) => {
    const now = Date.now();
    if (fraction <= highest || now - sentAt < progressIntervalMs) return;
    highest = fraction;
    sentAt = now;
    send({ type: 'progress', id, fraction: Math.min(fraction, 1) });
  };
}

function usage(): Usage {
  return {
    rssMb: process.memoryUsage.rss() / 1_048_576,
    peakRssMb: process.resourceUsage().maxRSS / 1024,
    reports: log.total,
  };
}

/** An answer that cannot be delivered is an error event, which may come before `disconnect`. */
function send(reply: Reply): void {
  process.send?.(reply, undefined, undefined, (error) => {
    if (error) die();
  });
}

/**
 * At once. Every way to exit from inside first waits for the dataset that GDAL is working on in another thread, also
 * `process.kill` of oneself on this one; on a thread without datasets it does not. Another program is no way out: a copy
 * of this process, made while GDAL's threads hold locks, can hang before that program begins.
 */
function die(): void {
  new Worker(`process.kill(${process.pid}, 'SIGKILL')`, { eval: true });
}
