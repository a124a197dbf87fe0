import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { answerAdmin } from './admin.ts';
import { AmqpConnection } from './amqp/connection.ts';
import { mergeProperties } from './amqp/encode.ts';
import { Broker } from './broker/broker.ts';
import type { Queue, QueueDefinition } from './broker/queue.ts';
import { Journal } from './journal.ts';

export type { QueueDefinition } from './broker/queue.ts';

export interface EmulatorOptions {
  /** 0 takes a free one. */
  readonly port?: number;
  readonly host?: string;
  readonly queues: readonly QueueDefinition[];
  readonly connectionLoss?: 'release' | 'hold';
  /** File that keeps the messages over a restart; without one they are in memory only. */
  readonly journal?: string;
}

export interface ServiceBusEmulator {
  readonly port: number;
  readonly connectionString: string;
  readonly broker: Broker;
  /** Cuts every connection as a broken network does. */
  cutConnections(): void;
  /** Forgets every message. */
  dropAllMessages(): void;
  close(): Promise<void>;
}

const accessKey = 'SAS_KEY_VALUE';
/** Locks and schedules are looked at this often. */
const tickMs = 20;

/** Starts the emulator: AMQP and the administration's HTTP on one port. */
export async function startServiceBusEmulator(options: EmulatorOptions): Promise<ServiceBusEmulator> {
  const journal = options.journal ? new Journal(options.journal) : null;
  const connections = new Set<AmqpConnection>();
  const broker = new Broker({
    queues: options.queues,
    key: accessKey,
    connectionLoss: options.connectionLoss ?? 'hold',
    mergeProperties,
    onReady: pumpSoon(connections),
    ...(journal && { record: journal.record }),
  });
  if (journal) restore(broker, journal);
  const sockets = new Set<Socket>();
  const http = createHttpServer((request, response) => answerAdmin(broker, request, response));
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    socket.setNoDelay(true);
    routeByFirstBytes(socket, {
      amqp: () => connections.add(new AmqpConnection(socket, broker, (lost) => connections.delete(lost))),
      http: () => http.emit('connection', socket),
    });
  });
  const host = options.host ?? '127.0.0.1';
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, host, resolve);
  });
  const timer = setInterval(() => broker.tick(), tickMs);
  const { port } = server.address() as AddressInfo;
  return {
    port,
    broker,
    connectionString: `Endpoint=sb://${host}:${port};SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=${accessKey};UseDevelopmentEmulator=true;`,
    cutConnections: () => {
      for (const connection of connections) connection.cut();
    },
    dropAllMessages: () => {
      for (const queue of broker.queues) queue.clear();
    },
    async close() {
      clearInterval(timer);
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const connection of connections) connection.close();
      for (const socket of sockets) socket.destroySoon();
      for (const socket of sockets) socket.destroy();
      await closed;
      journal?.close();
    },
  };
}

/** What a queue that is no longer defined held is forgotten. */
function restore(broker: Broker, journal: Journal): void {
  for (const [name, { messages, seen }] of journal.read()) {
    const queue = broker.find(name);
    for (const message of messages.values()) queue?.restore(message);
    for (const [messageId, at] of seen) queue?.remember(messageId, at);
  }
  journal.start(() => broker.contents());
}

/** Hands out a queue's messages once a turn, to its consumers in turn, so that none starves. */
function pumpSoon(connections: ReadonlySet<AmqpConnection>): (queue: Queue) => void {
  const waiting = new Set<Queue>();
  let first = 0;
  return (queue) => {
    if (waiting.size === 0) {
      setImmediate(() => {
        const queues = [...waiting];
        waiting.clear();
        first += 1;
        for (const one of queues) {
          const consumers = [...connections].flatMap((connection) => connection.consumersOf(one.name));
          for (let turn = 0; turn < consumers.length; turn += 1) consumers[(first + turn) % consumers.length]?.pump();
        }
      });
    }
    waiting.add(queue);
  };
}

/** AMQP opens with its own name; everything else is HTTP. The bytes go back to whoever takes the socket. */
function routeByFirstBytes(socket: Socket, take: { amqp: () => void; http: () => void }): void {
  socket.once('data', (first: Buffer) => {
    socket.pause();
    (first.subarray(0, 4).toString('latin1') === 'AMQP' ? take.amqp : take.http)();
    socket.unshift(first);
    socket.resume();
  });
}
