import type { HttpRequest } from '@azure/functions';
import { type CoreMachineError, toCoreMachineError } from '../../core/errors.ts';
import type { RunRef } from '../../core/ports/telemetry.ts';
import type { App } from '../app.ts';
import type { Route } from './route.ts';

export interface AnsweredRequest {
  readonly requestId: string;
  readonly startedAt: number;
  readonly status: number;
  /** The run that the request began, met or ended. */
  readonly job: RunRef | null;
  readonly error: CoreMachineError | null;
}

/** Reports a request that changes something as a span in its job's trace. Requests that only read have none: clients poll. */
export function reportRequest(app: App | null, route: Route, request: HttpRequest, answered: AnsweredRequest): void {
  if (!app || route.method !== 'POST') return;
  const { status, error } = answered;
  app.machine.engine.telemetry.span({
    of: { kind: 'request', job: answered.job },
    name: `${route.method} ${route.path}`,
    startedAt: answered.startedAt,
    endedAt: Date.now(),
    attributes: {
      'http.request.method': route.method,
      'http.route': route.path,
      'http.response.status_code': status,
      request_id: answered.requestId,
      ...(answered.job && { job_id: answered.job.jobId, run: answered.job.run }),
    },
    // As OpenTelemetry has it, a server's span has failed only when the server has.
    error: status >= 500 ? toCoreMachineError(error) : null,
    caller: request.headers.get('traceparent') ?? undefined,
  });
}
