import { z } from 'zod';
import type { JsonObject } from '../../../core/json.ts';
import type { App } from '../../app.ts';
import { checkHealth } from '../../health.ts';
import { defineRoute } from '../route.ts';
import { keyParameter } from './job-id.ts';

export const healthLive = defineRoute({
  name: 'health_live',
  method: 'GET',
  path: 'health/live',
  auth: 'anonymous',
  summary: 'Answers when the process runs.',
  pathParameters: z.object({}),
  query: keyParameter,
  errors: [],
  answer: async () => ({ status: 200, body: { status: 'alive' } }),
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
  async answer(app) {
    const { status, body } = await full(app);
    return { status, body: { status: body.status === 'healthy' ? 'ready' : 'not_ready' } };
  },
});

async function full(app: App): Promise<{ status: number; body: JsonObject }> {
  const components = await checkHealth(app.healthChecks);
  const healthy = components.every((component) => component.status === 'up');
  const byName = Object.fromEntries(components.map(({ name, ...rest }) => [name, rest as unknown as JsonObject]));
  return { status: healthy ? 200 : 503, body: { status: healthy ? 'healthy' : 'unhealthy', components: byName } };
}
