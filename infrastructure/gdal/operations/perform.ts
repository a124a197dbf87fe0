import type { OperationName, Operations, Request } from '../protocol.ts';
import { describeCapabilities } from './capabilities.ts';
import type { CplLog } from './cpl-log.ts';
import { describeCrs } from './crs.ts';
import { hasData } from './has-data.ts';
import { rasterInfo } from './info.ts';
import { readPixels } from './read-pixels.ts';
import { runCommand } from './run-command.ts';
import { transformPoints } from './transform.ts';
import { exportRows } from './vector/export-rows.ts';

/** What an operation may use besides its input. */
export interface OperationContext {
  readonly log: CplLog;
  readonly progress: (fraction: number) => void;
}

type Performers = {
  readonly [K in OperationName]: (
    input: Operations[K]['input'],
    context: OperationContext,
  ) => Operations[K]['output'] | Promise<Operations[K]['output']>;
};

const performers: Performers = {
  command: runCommand,
  info: rasterInfo,
  pixels: readPixels,
  hasData,
  crs: describeCrs,
  transform: transformPoints,
  rows: exportRows,
  capabilities: describeCapabilities,
};

export async function perform<K extends OperationName>(
  request: Request<K>,
  context: OperationContext,
): Promise<Operations[K]['output']> {
  return performers[request.operation](request.input, context);
}
