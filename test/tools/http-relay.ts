import { once } from 'node:events';
import { createServer, request } from 'node:http';

export interface SeenRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
}

export interface HttpRelay {
  readonly port: number;
  /** Every request so far, in the order of their beginning. */
  readonly seen: readonly SeenRequest[];
  close(): Promise<void>;
}

/** An HTTP server on the loopback interface that passes all requests on to a port there, and remembers them. */
export async function httpRelay(target: number): Promise<HttpRelay> {
  const seen: SeenRequest[] = [];
  const server = createServer((incoming, answer) => {
    const { method = 'GET', url = '/', headers } = incoming;
    seen.push({ method, url });
    const onwards = request({ host: '127.0.0.1', port: target, method, path: url, headers }, (reply) => {
      answer.writeHead(reply.statusCode ?? 502, reply.headers);
      reply.pipe(answer);
    });
    onwards.on('error', () => answer.destroy());
    incoming.pipe(onwards);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the relay does not listen');
  const close = async () => {
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  };
  return { port: address.port, seen, close };
}
