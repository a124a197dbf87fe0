import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { request as httpRequest, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { ProgrammingModel } from '../rpc-types.ts';
import { limitBytes } from './request.ts';
import { isEndToEndHeader } from './response.ts';

/**
 * The library's own HTTP server, which it opens when the app calls `app.setup({ enableHttpStream: true })`: the host sends
 * it the client's request, marked with the invocation's id, and passes its answer on. Bodies are streams both ways.
 */
export interface StreamProxy {
  /** Passes on the request and the answer; resolves when the answer is written. Ends early when `signal` aborts. */
  forward(options: {
    request: IncomingMessage;
    response: ServerResponse;
    invocationId: string;
    bodyLimit: number;
    signal: AbortSignal;
  }): Promise<void>;
  close(): void;
}

/** Null when the app does not stream. */
export async function startStreamProxy(model: ProgrammingModel): Promise<StreamProxy | null> {
  const { uri, server } = await captureServer(model);
  if (!uri) return null;
  const port = Number(new URL(uri).port);
  return {
    forward: (options) => forward(port, options),
    close() {
      server?.closeAllConnections();
      server?.close();
    },
  };
}

/**
 * The library keeps its server to itself, and has it listen on every interface. Here it is caught as it begins to listen: to
 * be bound to this machine alone, and to be closed at the end, since it would keep the process from ending.
 */
async function captureServer(
  model: ProgrammingModel,
): Promise<{ uri: string | undefined; server: Server | undefined }> {
  let server: Server | undefined;
  const channel = 'tracing:net.server.listen:asyncStart';
  const onListen = (message: unknown) => {
    const listening = message as { server: Server; options: { host?: string } };
    if (server) return;
    server = listening.server;
    listening.options.host = '127.0.0.1';
  };
  subscribe(channel, onListen);
  try {
    const capabilities = (await model.getCapabilities?.({})) ?? {};
    return { uri: capabilities.HttpUri, server };
  } finally {
    unsubscribe(channel, onListen);
  }
}

async function forward(port: number, options: Parameters<StreamProxy['forward']>[0]): Promise<void> {
  const { request, response, invocationId, bodyLimit, signal } = options;
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(request.headers))
    if (value !== undefined && isEndToEndHeader(name)) headers[name] = value;
  const upstream = httpRequest({
    host: '127.0.0.1',
    port,
    method: request.method ?? 'GET',
    path: request.url ?? '/',
    headers: {
      ...headers,
      'x-ms-invocation-id': invocationId,
      'x-forwarded-host': request.headers.host ?? 'localhost',
      'x-forwarded-proto': 'http',
    },
    signal,
  });
  const answered = new Promise<IncomingMessage>((resolve, reject) =>
    upstream.once('response', resolve).on('error', reject),
  );
  const sending = pipeline(request, limitBytes(bodyLimit), upstream);
  const answer = await firstOf(answered, sending);
  copyHead(answer, response);
  await pipeline(answer, response, { signal });
}

/** The answer may come before the whole request was sent; a failure to send it counts only until then. */
function firstOf<T>(answered: Promise<T>, sending: Promise<void>): Promise<T> {
  return new Promise((resolve, reject) => {
    answered.then(resolve, reject);
    sending.catch(reject);
  });
}

function copyHead(answer: IncomingMessage, response: ServerResponse): void {
  for (const [name, values] of Object.entries(answer.headersDistinct)) {
    if (values && isEndToEndHeader(name) && name !== 'x-ms-invocation-id' && name !== 'date')
      response.setHeader(name, values);
  }
  response.writeHead(answer.statusCode ?? 200);
}
