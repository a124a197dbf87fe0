import { once } from 'node:events';
import { createConnection, createServer, type Server, type Socket } from 'node:net';

/** What happens to a connection once this many bytes have come through it from the server. */
export interface Fault {
  readonly afterBytes: number;
  /** `cut`: the connection breaks. `stall`: it stays open and brings nothing more. */
  readonly how: 'cut' | 'stall';
  /** How many connections meet it; all when left out. */
  readonly times?: number;
}

/** A TCP proxy on the loopback interface that breaks connections as it is told to. */
export class FaultyProxy {
  /** Holds for connections and bytes from now on; null lets everything through. */
  fault: Fault | null = null;
  /** Connections that were cut or stalled so far. */
  struck = 0;
  /** Bytes that came from the server so far. */
  bytes = 0;
  readonly #target: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(target: number) {
    this.#target = target;
    this.#server = createServer((client) => this.#join(client));
  }

  static async to(target: number): Promise<FaultyProxy> {
    const proxy = new FaultyProxy(target);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the proxy does not listen');
    return address.port;
  }

  /** Breaks all connections; new ones may come. */
  cutAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Breaks all connections and refuses new ones. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.cutAll();
    await closed;
  }

  #join(client: Socket): void {
    const server = createConnection(this.#target, '127.0.0.1');
    let bytes = 0;
    client.on('data', (chunk) => server.write(chunk));
    server.on('data', (chunk) => {
      bytes += chunk.length;
      this.bytes += chunk.length;
      const due = this.fault !== null && bytes > this.fault.afterBytes && this.struck < (this.fault.times ?? Infinity);
      if (this.fault && due) this.#strike(this.fault, client, server);
      else client.write(chunk);
    });
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
  }

  #strike(fault: Fault, client: Socket, server: Socket): void {
    this.struck += 1;
    if (fault.how === 'cut') client.destroy();
    else server.removeAllListeners('data').pause();
  }
}
