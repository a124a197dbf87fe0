import type { IncomingMessage, ServerResponse } from 'node:http';
import { Transform } from 'node:stream';
import type { RpcHttpData, RpcNullable, RpcTypedData } from '../rpc-types.ts';

export class BodyTooLargeError extends Error {
  override readonly name = 'BodyTooLargeError';
}

export class ClientGoneError extends Error {
  override readonly name = 'ClientGoneError';
}

/** The address the client asked for, or null when it is not one. */
export function requestUrl(request: IncomingMessage): URL | null {
  const target = request.url ?? '/';
  if (/%00/.test(target)) return null;
  try {
    return new URL(target.startsWith('/') ? `http://${request.headers.host ?? 'localhost'}${target}` : target);
  } catch {
    return null;
  }
}

export function announcesBody(request: IncomingMessage): boolean {
  return request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;
}

/** Throws BodyTooLargeError before anything is read when the announced length is over the limit. */
export function checkAnnouncedLength(request: IncomingMessage, limit: number): void {
  if (Number(request.headers['content-length'] ?? 0) > limit) throw new BodyTooLargeError();
}

/** Tells a client that waits with its body (`Expect: 100-continue`) to send it. */
export function askForBody(request: IncomingMessage, response: ServerResponse): void {
  if (request.headers.expect?.toLowerCase() === '100-continue') response.writeContinue();
}

/** Passes bytes on until there are more than `limit`; then it fails with BodyTooLargeError. */
export function limitBytes(limit: number): Transform {
  let seen = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      seen += chunk.length;
      done(seen > limit ? new BodyTooLargeError() : null, chunk);
    },
  });
}

/** The whole body. Throws BodyTooLargeError, or ClientGoneError when the connection ends before the body does. */
export async function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      size += chunk.length;
      if (size > limit) throw new BodyTooLargeError();
      chunks.push(chunk);
    }
  } catch (error) {
    throw error instanceof BodyTooLargeError ? error : new ClientGoneError('', { cause: error });
  }
  return Buffer.concat(chunks);
}

/** What the host sends to a worker for an HTTP trigger; `body` null when it travels as a stream beside it. */
export function toRpcHttp(
  request: IncomingMessage,
  url: URL,
  params: Readonly<Record<string, string>>,
  body: Buffer | null,
): RpcHttpData {
  return {
    method: request.method ?? 'GET',
    url: url.href,
    nullableHeaders: nullable(headersOf(request)),
    nullableQuery: nullable(queryOf(url)),
    nullableParams: nullable(params),
    ...(body && body.length > 0 && { body: { bytes: body } }),
  };
}

/** The data a function gets when its request is streamed: the library takes headers and route values from here. */
export function toStreamMetadata(
  request: IncomingMessage,
  url: URL,
  params: Readonly<Record<string, string>>,
): Record<string, RpcTypedData> {
  return {
    ...Object.fromEntries(Object.entries(params).map(([name, value]) => [name, { string: value }])),
    Query: { json: JSON.stringify(queryOf(url)) },
    Headers: { json: JSON.stringify(headersOf(request)) },
  };
}

function headersOf(request: IncomingMessage): Record<string, string> {
  const entries = Object.entries(request.headersDistinct).map(([name, values]) => [
    name,
    (values ?? []).join(name === 'cookie' ? '; ' : ','),
  ]);
  return Object.fromEntries(entries);
}

/** A name that occurs several times has its values joined by commas, as the Functions host hands them over. */
function queryOf(url: URL): Record<string, string> {
  const names = new Set(url.searchParams.keys());
  return Object.fromEntries([...names].map((name) => [name, url.searchParams.getAll(name).join(',')]));
}

function nullable(values: Readonly<Record<string, string>>): Record<string, RpcNullable<string>> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { value }]));
}
