import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { RegisteredFunction } from '../functions-core.ts';
import type { HostSettings } from '../host-json.ts';
import { type InvocationHost, invoke } from '../invoke.ts';
import { InFlight, type Listener } from '../listener.ts';
import { describeError, hostLine } from '../log.ts';
import { InvocationAbortedError, InvocationTimeoutError } from '../running-invocations.ts';
import { type HostErrorCode, refuseBody, writeHostError } from './errors.ts';
import { type AuthLevel, type FunctionKeys, isAuthorized, presentedKey } from './keys.ts';
import {
  announcesBody,
  askForBody,
  BodyTooLargeError,
  ClientGoneError,
  checkAnnouncedLength,
  readBody,
  requestUrl,
  toRpcHttp,
  toStreamMetadata,
} from './request.ts';
import { writeRpcResponse } from './response.ts';
import { buildRouter, type HttpRoute, type RouteMatch, type Router } from './router.ts';
import type { StreamProxy } from './stream-proxy.ts';

export interface HttpFunction extends HttpRoute {
  readonly registered: RegisteredFunction;
  readonly triggerName: string;
  readonly authLevel: AuthLevel;
}

export interface HttpListenerOptions {
  readonly functions: readonly HttpFunction[];
  readonly settings: Pick<HostSettings, 'routePrefix' | 'customHeaders'>;
  readonly keys: FunctionKeys | null;
  /** Bytes. */
  readonly bodyLimit: number;
  readonly hostname: string;
  readonly port: number;
  readonly proxy: StreamProxy | null;
  readonly invocations: InvocationHost;
}

type Match = RouteMatch<HttpFunction>;

/** With Node's 5 s, a busy host closes connections on which a request lies that it has not read yet. */
const keepAliveMs = 75_000;

/** All HTTP triggers on one port. */
export class HttpListener implements Listener {
  readonly #options: HttpListenerOptions;
  readonly #router: Router<HttpFunction>;
  readonly #server: Server;
  readonly #inFlight = new InFlight();
  #paused = false;

  constructor(options: HttpListenerOptions) {
    this.#options = options;
    this.#router = buildRouter(options.functions, options.settings.routePrefix);
    for (const conflict of this.#router.conflicts) hostLine(options.invocations.log, 'warning', conflict);
    const onRequest = (request: IncomingMessage, response: ServerResponse) => this.#onRequest(request, response);
    // A body is asked for only when the request was found good, so that a refused client need not send it.
    this.#server = createServer({ keepAliveTimeout: keepAliveMs }, onRequest).on('checkContinue', onRequest);
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address ? address.port : 0;
  }

  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject).listen(this.#options.port, this.#options.hostname, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
  }

  async pause(): Promise<void> {
    this.#paused = true;
    this.#server.close();
    this.#server.closeIdleConnections();
  }

  idle(): Promise<void> {
    return this.#inFlight.idle();
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) =>
      this.#server.listening ? this.#server.close(() => resolve()) : resolve(),
    );
    this.#server.closeAllConnections();
    this.#options.proxy?.close();
    await closed;
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    const { log } = this.#options.invocations;
    const closed = new Promise<void>((resolve) => response.once('close', resolve));
    this.#inFlight
      .track(async () => {
        await this.#answer(request, response);
        await closed;
      })
      .catch((error: unknown) => {
        hostLine(log, 'error', `An HTTP request failed in the host: ${describeError(error)}`);
        response.destroy();
      });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    for (const [name, value] of Object.entries(this.#options.settings.customHeaders)) response.setHeader(name, value);
    if (this.#paused) return writeHostError(response, 'HOST_STOPPING');
    // A refused client may or may not send its body afterwards; the connection cannot be used again.
    if (request.headers.expect !== undefined) response.setHeader('connection', 'close');
    const url = requestUrl(request);
    if (!url) return writeHostError(response, 'BAD_REQUEST');
    const match = this.#router.match(request.method ?? '', url.pathname);
    if (!match) return writeHostError(response, 'NOT_FOUND');
    const { functionName, authLevel } = match.route;
    if (!isAuthorized(authLevel, functionName, presentedKey(request.headers, url.searchParams), this.#options.keys)) {
      response.writeHead(401, { 'content-length': 0 }).end();
      return;
    }
    try {
      checkAnnouncedLength(request, this.#options.bodyLimit);
      askForBody(request, response);
      if (this.#options.proxy) await this.#stream(this.#options.proxy, match, url, response);
      else await this.#buffered(match, url, response);
    } catch (error) {
      await this.#refuse(error, functionName, response);
    }
  }

  async #buffered({ route, params }: Match, url: URL, response: ServerResponse): Promise<void> {
    const request = response.req;
    const body = announcesBody(request) ? await readBody(request, this.#options.bodyLimit) : null;
    if (body?.length && request.headers['content-length'] === undefined) {
      const text =
        'A request body without Content-Length was passed on; in Azure it arrives empty unless the app streams HTTP';
      hostLine(this.#options.invocations.log, 'warning', text, route.functionName);
    }
    const { response: answer } = await invoke(this.#options.invocations, {
      function: route.registered,
      triggerName: route.triggerName,
      trigger: { http: toRpcHttp(request, url, params, body) },
      traceParent: traceParent(request),
    });
    if (this.#paused) response.setHeader('connection', 'close');
    if (!response.destroyed) writeRpcResponse(response, answer.returnValue?.http);
  }

  async #stream(proxy: StreamProxy, { route, params }: Match, url: URL, response: ServerResponse): Promise<void> {
    const request = response.req;
    const invocationId = randomUUID();
    const abort = new AbortController();
    response.once('close', () => abort.abort());
    if (this.#paused) response.setHeader('connection', 'close');
    const forwarded = proxy.forward({
      request,
      response,
      invocationId,
      bodyLimit: this.#options.bodyLimit,
      signal: abort.signal,
    });
    const invoked = invoke(this.#options.invocations, {
      function: route.registered,
      triggerName: route.triggerName,
      trigger: {},
      triggerMetadata: toStreamMetadata(request, url, params),
      traceParent: traceParent(request),
      invocationId,
    });
    try {
      const [outcome] = await Promise.all([
        invoked.then((ended) => {
          // The library sends nothing for a function that returned nothing.
          if (ended.result === undefined || ended.result === null) abort.abort();
          return ended;
        }),
        forwarded.catch((error: unknown) => {
          if (!abort.signal.aborted) throw error;
        }),
      ]);
      if (!outcome.response.returnValue && !response.headersSent && !response.destroyed)
        writeRpcResponse(response, null);
    } catch (error) {
      abort.abort();
      throw error;
    }
  }

  async #refuse(error: unknown, functionName: string, response: ServerResponse): Promise<void> {
    if (error instanceof ClientGoneError || response.destroyed) {
      return hostLine(
        this.#options.invocations.log,
        'debug',
        'The client disconnected before it was answered',
        functionName,
      );
    }
    if (response.headersSent) {
      response.destroy();
      return;
    }
    if (this.#paused) response.setHeader('connection', 'close');
    if (error instanceof BodyTooLargeError) return refuseBody(response);
    writeHostError(response, errorCode(error));
  }
}

function errorCode(error: unknown): HostErrorCode {
  if (error instanceof InvocationTimeoutError) return 'FUNCTION_TIMEOUT';
  return error instanceof InvocationAbortedError ? 'HOST_STOPPING' : 'FUNCTION_FAILED';
}

function traceParent(request: IncomingMessage): string | undefined {
  const header = request.headers.traceparent;
  return typeof header === 'string' ? header : undefined;
}
