import { z } from 'zod';
import type { CoreMachineError } from '../../../core/errors.ts';
import type { JsonObject } from '../../../core/json.ts';
import type { App } from '../../app.ts';
import { checkHealth, componentLimit } from '../../health.ts';
import { defineRoute, type RouteRequest } from '../route.ts';
import { keyParameter } from './job-id.ts';

const alive = { status: 200, body: { status: 'alive' } } as const;

export const healthLive = defineRoute({
  name: 'health_live',
  method: 'GET',
  path: 'health/live',
  auth: 'anonymous',
  summary: 'Answers when the process runs.',
  pathParameters: z.object({}),
  query: keyParameter,
  errors: [],
  answer: async () => alive,
  whileClosed: () => alive,
});

export const health = defineRoute({
  name: 'health',
  method: 'GET',
  path: 'health',
  auth: 'function',
  summary: 'Every component, its state and how long it took to answer; 503 when one is down.',
  pathParameters: z.object({}),
  query: keyParameter,
  errors: [],
  answer: full,
  whileClosed: (reason) => ({
    status: 503,
    body: { status: 'unhealthy', components: { application: { status: 'down', ...told(reason) } } },
  }),
});

export const healthReady = defineRoute({
  name: 'health_ready',
  method: 'GET',
  path: 'health/ready',
  auth: 'function',
  summary: 'Can this worker take jobs? 503 when a component it needs is down.',
  pathParameters: z.object({}),
  query: keyParameter,
  errors: [],
  async answer(app, request) {
    const { status, body } = await full(app, request);
    return { status, body: { status: body.status === 'healthy' ? 'ready' : 'not_ready' } };
  },
  whileClosed: () => ({ status: 503, body: { status: 'not_ready' } }),
});

/** As of a component that is down. */
function told({ code, message }: CoreMachineError): JsonObject {
  return { error: code, message: message.slice(0, 300) };
}

type Elapsed = Pick<RouteRequest<unknown, unknown>, 'elapsedMs'>;

async function full(app: App, { elapsedMs }: Elapsed): Promise<{ status: number; body: JsonObject }> {
  const components = await checkHealth(app.healthChecks, componentLimit(elapsedMs()));
  const healthy = components.every((component) => component.status === 'up');
  const byName = Object.fromEntries(components.map(({ name, ...rest }) => [name, rest as unknown as JsonObject]));
  return { status: healthy ? 200 : 503, body: { status: healthy ? 'healthy' : 'unhealthy', components: byName } };
}
