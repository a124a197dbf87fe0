import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';

/** The host's own refusals; in the shape of the app's errors. */
const meanings = {
  BAD_REQUEST: [400, 'The request line or the Host header is not valid.'],
  NOT_FOUND: [404, 'No function answers this method and path.'],
  PAYLOAD_TOO_LARGE: [413, 'The body is larger than this host accepts.'],
  FUNCTION_FAILED: [500, 'The function failed.'],
  FUNCTION_TIMEOUT: [500, 'The function reached its time limit.'],
  HOST_STOPPING: [503, 'The host is stopping.'],
} as const;

export type HostErrorCode = keyof typeof meanings;

export function writeHostError(response: ServerResponse, code: HostErrorCode): void {
  const body = startHostError(response, code);
  response.end(response.req.method === 'HEAD' ? undefined : body);
}

/**
 * Refuses a body that is still being sent. The connection stays open until the client has sent the rest or `lingerMs` have
 * passed: closed at once, its unread bytes would reset it and the client would never see the answer.
 */
export async function refuseBody(response: ServerResponse, lingerMs = 3000): Promise<void> {
  response.write(startHostError(response, 'PAYLOAD_TOO_LARGE'));
  const request = response.req;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, lingerMs);
    request.once('end', resolve).once('close', resolve).resume();
    response.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
  });
  response.end();
}

function startHostError(response: ServerResponse, code: HostErrorCode): string {
  const [status, message] = meanings[code];
  const requestId = randomUUID();
  const body = JSON.stringify({ error: code, message, request_id: requestId, timestamp: new Date().toISOString() });
  if (code === 'PAYLOAD_TOO_LARGE' || code === 'HOST_STOPPING') response.setHeader('connection', 'close');
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    'x-request-id': requestId,
  });
  return body;
}
