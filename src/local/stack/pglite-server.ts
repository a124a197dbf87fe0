import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { PGlite } from '@electric-sql/pglite';

// PGlite has one session for everybody. A client's messages up to its Sync belong together: another's Parse between
// this one's Parse and Bind would replace the unnamed statement. And an open transaction belongs to one client alone.
// (@electric-sql/pglite-socket keeps transactions apart, but not what comes between two Syncs.)

const codes = { cancel: 80877102, ssl: 80877103, gssEncryption: 80877104 };
/** Messages that PostgreSQL answers with ReadyForQuery: Query, Sync, FunctionCall. */
const endsBatch = new Set(['Q', 'S', 'F']);

export interface PgliteServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Serves PGlite to any number of PostgreSQL clients, one batch of messages at a time. */
export async function servePglite(db: PGlite, port: number): Promise<PgliteServer> {
  const session = new SharedSession(db);
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.once('close', () => sockets.delete(socket));
    new Client(socket, session);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
      await session.idle();
    },
  };
}

interface Batch {
  readonly client: Client;
  readonly messages: readonly Uint8Array[];
}

/** Runs batches in the order of their arrival; while a transaction is open, only those of its client. */
class SharedSession {
  readonly #db: PGlite;
  #waiting: Batch[] = [];
  #owner: Client | null = null;
  #running: Promise<void> | null = null;

  constructor(db: PGlite) {
    this.#db = db;
  }

  submit(batch: Batch): void {
    this.#waiting.push(batch);
    this.#run();
  }

  /** A client is gone: its waiting work is dropped, its open transaction rolled back. */
  leave(client: Client): void {
    this.#waiting = this.#waiting.filter((batch) => batch.client !== client);
    if (this.#owner === client) this.submit({ client, messages: [rollback] });
  }

  async idle(): Promise<void> {
    await this.#running;
  }

  #run(): void {
    this.#running ??= this.#drain().finally(() => {
      this.#running = null;
      if (this.#next() >= 0) this.#run();
    });
  }

  async #drain(): Promise<void> {
    for (let index = this.#next(); index >= 0; index = this.#next()) {
      const [batch] = this.#waiting.splice(index, 1);
      if (batch) await this.#execute(batch);
    }
  }

  #next(): number {
    return this.#waiting.findIndex((batch) => !this.#owner || batch.client === this.#owner);
  }

  async #execute({ client, messages }: Batch): Promise<void> {
    for (const message of messages) {
      const answer = await this.#db.execProtocolRaw(message);
      client.write(answer);
      const status = transactionStatus(answer);
      if (status) this.#owner = status === 'I' ? null : client;
    }
    if (this.#owner === client && client.gone) this.#waiting.push({ client, messages: [rollback] });
  }
}

const rollback = simpleQuery('ROLLBACK');

/** One connection: splits its bytes into messages and these into batches. */
class Client {
  readonly #socket: Socket;
  readonly #session: SharedSession;
  #buffer: Buffer = Buffer.alloc(0);
  #started = false;
  #batch: Uint8Array[] = [];
  gone = false;

  constructor(socket: Socket, session: SharedSession) {
    this.#socket = socket;
    this.#session = session;
    socket.on('data', (data: Buffer) => this.#receive(data));
    socket.on('error', () => {});
    socket.once('close', () => {
      this.gone = true;
      session.leave(this);
    });
  }

  write(answer: Uint8Array): void {
    if (answer.length > 0 && !this.#socket.destroyed) this.#socket.write(answer);
  }

  #receive(data: Buffer): void {
    this.#buffer = this.#buffer.length === 0 ? data : Buffer.concat([this.#buffer, data]);
    for (let message = this.#takeMessage(); message; message = this.#takeMessage()) this.#handle(message);
  }

  #takeMessage(): Buffer | null {
    const lengthAt = this.#started ? 1 : 0;
    if (this.#buffer.length < lengthAt + 4) return null;
    const end = lengthAt + this.#buffer.readUInt32BE(lengthAt);
    if (this.#buffer.length < end) return null;
    const message = this.#buffer.subarray(0, end);
    this.#buffer = this.#buffer.subarray(end);
    return message;
  }

  #handle(message: Buffer): void {
    if (!this.#started) {
      this.#start(message);
      return;
    }
    const type = String.fromCharCode(message[0] ?? 0);
    if (type === 'X') {
      this.#socket.end();
      return;
    }
    this.#batch.push(message);
    if (!endsBatch.has(type)) return;
    this.#session.submit({ client: this, messages: this.#batch });
    this.#batch = [];
  }

  #start(message: Buffer): void {
    const code = message.readUInt32BE(4);
    if (code === codes.ssl || code === codes.gssEncryption) {
      this.#socket.write('N');
      return;
    }
    if (code === codes.cancel) {
      this.#socket.end();
      return;
    }
    this.#started = true;
    this.#session.submit({ client: this, messages: [message] });
  }
}

/** The status that the last ReadyForQuery of an answer gives: idle, in a transaction, in a failed one. */
function transactionStatus(answer: Uint8Array): 'I' | 'T' | 'E' | null {
  // ReadyForQuery is always the last message of a batch's answer: Z, length 5, status.
  const at = answer.length - 6;
  if (at < 0 || answer[at] !== 0x5a || answer[at + 4] !== 5) return null;
  return String.fromCharCode(answer[at + 5] ?? 0) as 'I' | 'T' | 'E';
}

function simpleQuery(text: string): Uint8Array {
  const body = Buffer.from(`${text}\0`);
  const head = Buffer.alloc(5);
  head[0] = 0x51;
  head.writeUInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}
