import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { ensureSystemPackages, onPath } from '../../setup/system-packages.ts';
import { freePort } from '../../testing/free-port.ts';

export interface BenchRedis {
  readonly port: number;
  readonly pid: number;
  readonly version: string;
  /** A number that is kept under a name; 0 when there is none. */
  counter(name: string): Promise<number>;
  /** The size of a sorted set. */
  members(name: string): Promise<number>;
  /** Commands processed so far. */
  commands(): Promise<number>;
  stop(): Promise<void>;
}

/** A Redis server that answers a write when it is on the disk. */
export async function startRedis(): Promise<BenchRedis> {
  await ensureSystemPackages([{ apt: 'redis-server', brew: 'redis', present: () => onPath('redis-server') }]);
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'coremachine-redis-'));
  const settings = ['--bind', '127.0.0.1', '--dir', folder, '--appendonly', 'yes', '--appendfsync', 'always'];
  const server = spawn('redis-server', ['--port', String(port), ...settings, '--save', ''], { stdio: 'ignore' });
  const client = await RedisClient.connect(port);
  const info = await client.ask('INFO');
  return {
    port,
    pid: server.pid ?? 0,
    version: /redis_version:(\S+)/.exec(info)?.[1] ?? 'unknown',
    counter: async (name) => Number((await client.ask(`GET ${name}`)) || 0),
    members: async (name) => Number(await client.ask(`ZCARD ${name}`)),
    commands: async () => Number(/total_commands_processed:(\d+)/.exec(await client.ask('INFO stats'))?.[1]),
    async stop() {
      client.close();
      const ended = once(server, 'exit');
      server.kill('SIGTERM');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** As much of the protocol as the bench's own questions need: one inline command at a time, answered by one string. */
class RedisClient {
  readonly #socket: Socket;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  static async connect(port: number): Promise<RedisClient> {
    for (let tries = 100; ; tries -= 1) {
      const socket = connect(port, '127.0.0.1');
      try {
        await once(socket, 'connect');
        return new RedisClient(socket);
      } catch (error) {
        if (tries === 0) throw error;
        await wait(50);
      }
    }
  }

  ask(command: string): Promise<string> {
    const answer = this.#last.then(() => this.#exchange(command));
    this.#last = answer.catch(() => {});
    return answer;
  }

  close(): void {
    this.#socket.destroy();
  }

  async #exchange(command: string): Promise<string> {
    this.#socket.write(`${command}\r\n`);
    let text = '';
    for (;;) {
      const [chunk] = (await once(this.#socket, 'data')) as [Buffer];
      text += chunk.toString('latin1');
      const answer = parseReply(text);
      if (answer !== null) return answer;
    }
  }
}

/** The first reply in `text`, a missing value as an empty string; null while it is not complete. Throws an error reply. */
export function parseReply(text: string): string | null {
  const end = text.indexOf('\r\n');
  if (end < 0) return null;
  const head = text.slice(1, end);
  if (text.startsWith('-')) throw new Error(`Redis: ${head}`);
  if (!text.startsWith('$')) return head;
  const length = Number(head);
  if (length < 0) return '';
  return text.length < end + 2 + length + 2 ? null : text.slice(end + 2, end + 2 + length);
}
