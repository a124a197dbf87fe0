import { toCoreMachineError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';

/** Asks one component; what it returns is shown, what it throws means it is down. */
export interface HealthCheck {
  readonly name: string;
  readonly check: () => Promise<JsonObject>;
}

export interface ComponentHealth extends JsonObject {
  readonly name: string;
  readonly status: 'up' | 'down';
  readonly duration_ms: number;
}

/** The whole answer must come within 2 s of the request, even when a component hangs and the application had to open first. */
const answerLimitMs = 1700;
/** What a component gets at most. */
const componentLimitMs = 1500;

/** What components get to answer when `elapsedMs` of the request's time have gone by. */
export function componentLimit(elapsedMs: number): number {
  return Math.round(Math.min(componentLimitMs, Math.max(0, answerLimitMs - elapsedMs)));
}

export function checkHealth(checks: readonly HealthCheck[], limitMs: number): Promise<ComponentHealth[]> {
  return Promise.all(checks.map((check) => checkOne(check, limitMs)));
}

async function checkOne({ name, check }: HealthCheck, limitMs: number): Promise<ComponentHealth> {
  const started = performance.now();
  const took = () => Math.round(performance.now() - started);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${limitMs} ms`)), limitMs);
  });
  try {
    const facts = await Promise.race([check(), limit]);
    return { name, status: 'up', duration_ms: took(), ...facts };
  } catch (error) {
    const { code, message } = toCoreMachineError(error);
    return { name, status: 'down', duration_ms: took(), error: code, message: message.slice(0, 300) };
  } finally {
    clearTimeout(timer);
  }
}
