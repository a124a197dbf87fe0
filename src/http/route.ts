import { randomUUID } from 'node:crypto';
import type { HttpMethod, HttpRequest, HttpResponseInit } from '@azure/functions';
import type { z } from 'zod';
import { CoreMachineError, toCoreMachineError } from '../../core/errors.ts';
import { containsNul, type JsonObject } from '../../core/json.ts';
import type { RunRef } from '../../core/ports/telemetry.ts';
import type { App } from '../app.ts';
import { problemsOf, readJsonBody } from './body.ts';
import { errorAnswer, jsonAnswer, textAnswer } from './envelope.ts';
import { reportRequest } from './request-span.ts';

/** One HTTP endpoint as a value: the trigger registers it, the OpenAPI document describes it, tests list it. */
export interface Route<Path extends z.ZodObject = z.ZodObject, Query extends z.ZodObject = z.ZodObject> {
  /** The function's name in Azure. */
  readonly name: string;
  readonly method: Extract<HttpMethod, 'GET' | 'POST'>;
  /** Below the prefix `/api`, e.g. `jobs/status/{job_id}`. */
  readonly path: string;
  readonly auth: 'anonymous' | 'function';
  readonly summary: string;
  readonly pathParameters: Path;
  readonly query: Query;
  /** What query parameters of other names mean; absent: they are errors. */
  readonly otherQuery?: string;
  /** Media type of a good answer; JSON in this API's own form when absent. */
  readonly produces?: string;
  /** What the request body is; absent when the route reads none. */
  readonly body?: string;
  /** The body's schema; without one a body is a job type's parameters. */
  readonly bodySchema?: z.ZodType;
  /** Its answer has the result of a job that has completed in `result_data`. */
  readonly showsResult?: true;
  /** Error codes that it can answer with, for the OpenAPI document. */
  readonly errors: readonly ConstructorParameters<typeof CoreMachineError>[0][];
  readonly answer: (app: App, request: RouteRequest<z.output<Path>, z.output<Query>>) => Promise<RouteAnswer>;
  /**
   * What it answers while the application cannot be opened, for want of its database for example: after a moment, with the
   * reason. Absent: it waits, and answers with the error.
   */
  readonly whileClosed?: (reason: CoreMachineError) => RouteAnswer;
}

export interface RouteRequest<Path, Query> {
  readonly path: Path;
  readonly query: Query;
  /** Query parameters of other names, for a route that takes them. */
  readonly otherQuery: Readonly<Record<string, string>>;
  /** The address as the client gave it. */
  readonly url: string;
  readonly requestId: string;
  /** Since the request came, the opening of the application included. */
  readonly elapsedMs: () => number;
  /** Decodes the body. Throws UNSUPPORTED_MEDIA_TYPE, BODY_TOO_LARGE, BAD_JSON. */
  readonly json: () => Promise<unknown>;
}

export interface RouteAnswer {
  readonly status: number;
  /** An object goes out with the request's id and time; a text, of the type that the route produces, as it is. */
  readonly body: JsonObject | string;
  /** The run that the request was about, when it changed or began one: its trace has the request. */
  readonly job?: RunRef;
}

/** Keeps the parameter types of a route's `answer` while the list of routes forgets them. */
export function defineRoute<Path extends z.ZodObject, Query extends z.ZodObject>(route: Route<Path, Query>): Route {
  return route as unknown as Route;
}

/** Runs a route: checks its parameters, answers, turns every error into its JSON form, logs one line. */
export async function serve(route: Route, app: () => Promise<App>, request: HttpRequest): Promise<HttpResponseInit> {
  const requestId = requestIdOf(request);
  const started = performance.now();
  const startedAt = Date.now();
  const opening = openedFor(route, app);
  const opened = await opening.catch(() => null);
  const log = opened?.log;
  const fields = { route: route.name, method: route.method, requestId };
  try {
    const query = givenOnce(request);
    refuseNul([request.params, query]);
    const {
      status,
      body,
      job = null,
    } = await answerOf(route, opening, {
      path: parseParameters(route.pathParameters, request.params),
      ...queryOf(route, query),
      url: request.url,
      requestId,
      elapsedMs: () => performance.now() - started,
      json: () => readJsonBody(request),
    });
    log?.info('Http:Request', { ...fields, status, durationMs: Math.round(performance.now() - started) });
    reportRequest(opened, route, request, { requestId, startedAt, status, job, error: null });
    if (typeof body === 'string') return textAnswer(status, body, route.produces ?? 'application/json', requestId);
    return jsonAnswer(status, body, requestId);
  } catch (thrown) {
    const { answer, error } = errorAnswer(thrown, requestId);
    const durationMs = Math.round(performance.now() - started);
    const report = {
      ...fields,
      status: error.httpStatus,
      code: error.code,
      message: error.message.slice(0, 500),
      durationMs,
    };
    if (error.httpStatus >= 500)
      log?.error('Http:Failed', { ...report, cause: String(error.cause ?? '').slice(0, 500) });
    else log?.info('Http:Request', report);
    reportRequest(opened, route, request, { requestId, startedAt, status: error.httpStatus, job: null, error });
    return answer;
  }
}

/**
 * With a route that has an answer for it, the opening is waited for this long: probes have to be answered within 2 s, and
 * an application that opens at the last moment still has its components to ask.
 */
const openingLimitMs = 1000;

async function openedFor(route: Route, app: () => Promise<App>): Promise<App> {
  if (!route.whileClosed) return app();
  const late = Promise.withResolvers<never>();
  const error = new CoreMachineError('DATABASE_UNAVAILABLE', 'the application is not open yet');
  const timer = setTimeout(() => late.reject(error), openingLimitMs);
  return Promise.race([app(), late.promise]).finally(() => clearTimeout(timer));
}

async function answerOf(
  route: Route,
  opening: Promise<App>,
  request: Parameters<Route['answer']>[1],
): Promise<RouteAnswer> {
  if (!route.whileClosed) return route.answer(await opening, request);
  const opened = await opening.catch(toCoreMachineError);
  return opened instanceof CoreMachineError ? route.whileClosed(opened) : route.answer(opened, request);
}

/** The caller's X-Request-ID when it is a harmless one, else a new id. */
function requestIdOf(request: HttpRequest): string {
  const given = request.headers.get('x-request-id') ?? '';
  return /^[A-Za-z0-9._-]{1,100}$/.test(given) ? given : randomUUID();
}

/** Not every host refuses an address with %00 itself, and PostgreSQL has no such character. */
function refuseNul(given: unknown): void {
  if (!containsNul(given)) return;
  const message = 'a text of the address holds the character U+0000';
  throw new CoreMachineError('INVALID_PARAMETERS', message, { details: [{ code: 'nul_character', message }] });
}

/** Of a parameter that is given twice neither value is the right one; the host would put a comma between them. */
function givenOnce({ url, query }: HttpRequest): Record<string, string> {
  const names = [...new URL(url).searchParams.keys()];
  const repeated = new Set(names.filter((name, index) => names.indexOf(name) < index));
  if (repeated.size === 0) return Object.fromEntries(query);
  const details = [...repeated].map((path) => ({ path, message: 'must be given once' }));
  throw new CoreMachineError('INVALID_PARAMETERS', 'the request has invalid parameters', { details });
}

function queryOf(route: Route, given: Record<string, string>) {
  const isOther = ([name]: [string, string]) =>
    route.otherQuery !== undefined && !Object.hasOwn(route.query.shape, name);
  const entries = Object.entries(given);
  return {
    query: parseParameters(route.query, Object.fromEntries(entries.filter((entry) => !isOther(entry)))),
    otherQuery: Object.fromEntries(entries.filter(isOther)),
  };
}

function parseParameters(schema: z.ZodObject, given: unknown): never {
  const parsed = schema.strict().safeParse(given);
  if (parsed.success) return parsed.data as never;
  const details = problemsOf(parsed.error);
  const badId = details.some((detail) => detail.path === 'job_id');
  throw new CoreMachineError(
    badId ? 'INVALID_ID' : 'INVALID_PARAMETERS',
    badId ? 'a job id is 64 hexadecimal digits' : 'the request has invalid parameters',
    { details },
  );
}
