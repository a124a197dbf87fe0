import type { ServerResponse } from 'node:http';
import type { RpcHttpCookie, RpcHttpData, RpcTypedData } from '../rpc-types.ts';

/** Belong to one connection, not to the answer; the length is set from the body. */
const droppedHeaders = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'trailers',
  'transfer-encoding',
  'upgrade',
]);

export function isEndToEndHeader(name: string): boolean {
  return !droppedHeaders.has(name.toLowerCase());
}

/** Writes what a function returned. A function that returned nothing answers 204, as in Azure. */
export function writeRpcResponse(response: ServerResponse, data: RpcHttpData | null | undefined): void {
  if (!data) {
    response.writeHead(204).end();
    return;
  }
  const status = Number(data.statusCode ?? 200);
  const body = bodyBytes(data.body);
  const bodyless = status === 204 || status === 304;
  const head = response.req.method === 'HEAD';
  for (const [name, value] of Object.entries(data.headers ?? {})) {
    const ownLength = name.toLowerCase() === 'content-length' && !(head && body.length === 0);
    if (isEndToEndHeader(name) && !ownLength) response.setHeader(name, value);
  }
  if (data.cookies?.length) response.appendHeader('set-cookie', data.cookies.map(serializeCookie));
  if (!bodyless && !response.hasHeader('content-length')) response.setHeader('content-length', body.length);
  response.writeHead(status);
  response.end(head || bodyless ? undefined : body);
}

function bodyBytes(data: RpcTypedData | null | undefined): Uint8Array {
  const { string, json, bytes } = data ?? {};
  return bytes ?? Buffer.from(string ?? json ?? '');
}

/** A Set-Cookie value. Source: RFC 6265 section 4.1. */
export function serializeCookie(cookie: RpcHttpCookie): string {
  const { expires, maxAge, sameSite } = cookie;
  const parts = [`${cookie.name}=${encodeURIComponent(cookie.value)}`];
  if (expires?.value) parts.push(`Expires=${new Date(Number(expires.value.seconds ?? 0) * 1000).toUTCString()}`);
  if (maxAge?.value !== undefined && maxAge.value !== null) parts.push(`Max-Age=${maxAge.value}`);
  if (cookie.domain?.value) parts.push(`Domain=${cookie.domain.value}`);
  if (cookie.path?.value) parts.push(`Path=${cookie.path.value}`);
  if (cookie.secure?.value) parts.push('Secure');
  if (sameSite && sameSite !== 'none')
    parts.push(`SameSite=${{ lax: 'Lax', strict: 'Strict', explicitNone: 'None' }[sameSite]}`);
  if (cookie.httpOnly?.value) parts.push('HttpOnly');
  return parts.join('; ');
}
