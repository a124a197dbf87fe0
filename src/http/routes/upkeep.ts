import { z } from 'zod';
import { upkeepRunNames } from '../../../core/upkeep/index.ts';
import { cursorParameter, encodeCursor, limitParameter } from '../cursor.ts';
import { defineRoute } from '../route.ts';
import { keyParameter } from './job-id.ts';

export const runUpkeep = defineRoute({
  name: 'run_upkeep',
  method: 'POST',
  path: 'upkeep/run',
  auth: 'function',
  summary: 'One run of upkeep now, beside those by the clock: what it found in need of something, and what it mended.',
  pathParameters: z.object({}),
  query: keyParameter.extend({ type: z.enum(upkeepRunNames) }),
  errors: ['INVALID_PARAMETERS', 'DATABASE_UNAVAILABLE', 'QUEUE_UNAVAILABLE'],
  async answer(app, { query }) {
    const { scanned, fixed, actions } = await app.machine.upkeep(query.type);
    return { status: 200, body: { type: query.type, scanned, fixed, actions: [...actions] } };
  },
});

export const upkeepHistory = defineRoute({
  name: 'upkeep_history',
  method: 'GET',
  path: 'upkeep/history',
  auth: 'function',
  summary: 'What upkeep did, newest first.',
  pathParameters: z.object({}),
  query: keyParameter.extend({
    type: z.enum(upkeepRunNames).optional(),
    fixed_only: z.enum(['true', 'false']).default('false').describe('Only runs that had something to fix.'),
    limit: limitParameter,
    cursor: cursorParameter(z.object({ id: z.int() })).optional(),
  }),
  errors: ['INVALID_PARAMETERS'],
  async answer(app, { query }) {
    const runs = await app.machine.engine.store.listUpkeepRuns({
      limit: query.limit,
      fixedOnly: query.fixed_only === 'true',
      ...(query.type && { run: query.type }),
      ...(query.cursor && { after: query.cursor.id }),
    });
    const last = runs.length === query.limit ? runs.at(-1) : undefined;
    const body = {
      runs: runs.map(({ run, worker, startedAt, durationMs, scanned, fixed, actions, error }) => ({
        type: run,
        worker,
        started_at: startedAt.toISOString(),
        duration_ms: durationMs,
        scanned,
        fixed,
        actions: [...actions],
        error: error ? { code: error.code, message: error.message } : null,
      })),
      count: runs.length,
      next_cursor: last ? encodeCursor({ id: last.id }) : null,
    };
    return { status: 200, body };
  },
});
