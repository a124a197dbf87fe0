import type { HttpResponseInit } from '@azure/functions';
import { type CoreMachineError, errorCatalogue, toCoreMachineError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';

/** Every answer carries its request's id, in the body and as X-Request-ID. */
export function jsonAnswer(status: number, body: JsonObject, requestId: string): HttpResponseInit {
  return {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', 'x-request-id': requestId },
    body: JSON.stringify({ ...body, request_id: requestId, timestamp: new Date().toISOString() }),
  };
}

/** A document of somebody else's standard has no room for the id: it is in the header alone. */
export function textAnswer(status: number, body: string, mediaType: string, requestId: string): HttpResponseInit {
  return { status, headers: { 'content-type': mediaType, 'x-request-id': requestId }, body };
}

/** `{error, message, details?, request_id, timestamp}`; an unexpected error's own text is not shown. */
export function errorAnswer(thrown: unknown, requestId: string): { answer: HttpResponseInit; error: CoreMachineError } {
  const error = toCoreMachineError(thrown);
  const message = error.code === 'INTERNAL' ? errorCatalogue.INTERNAL.meaning : error.message;
  const body = {
    error: error.code,
    message,
    ...(error.details && { details: error.details.map((detail) => ({ ...detail })) }),
  };
  return { answer: jsonAnswer(error.httpStatus, body, requestId), error };
}
