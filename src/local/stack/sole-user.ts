import { createHash } from 'node:crypto';
import { realpathSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

/** Longer than the parts of a killed stack go on by themselves. */
const patienceMs = 15_000;

/**
 * Waits until no other process has the file or folder, and has it until this one ends; false when it is still used after
 * that. The parts of a stack that was killed take a moment to close, and a start in that moment would write to the same
 * files. It is had by listening, which ends with the process however that comes; a process id in a file may be another's
 * by the next start, in containers above all.
 */
export async function isSoleUser(place: string, limitMs = patienceMs): Promise<boolean> {
  const address = addressOf(place);
  const deadline = Date.now() + limitMs;
  while (!(await listens(address))) {
    if (!(await answers(address))) rmSync(address, { force: true });
    else if (Date.now() >= deadline) return false;
    else await wait(50);
  }
  return true;
}

/** As `isSoleUser`; ends the process, with the reason in its output, when another keeps the place. */
export async function requireSoleUse(place: string): Promise<void> {
  if (await isSoleUser(place)) return;
  console.error(`${place} is used by another process: has another ./run start the same data folder?`);
  process.exit(1);
}

/** On Linux a name that is no file and goes with its process; elsewhere a file, which a process that was killed leaves behind. */
function addressOf(place: string): string {
  const whole = join(realpathSync(dirname(place)), basename(place));
  const name = `coremachine-${createHash('sha256').update(whole).digest('hex').slice(0, 24)}`;
  return process.platform === 'linux' ? `\0${name}` : join(tmpdir(), name);
}

function listens(address: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(false) : reject(error),
    );
    server.listen(address, () => resolve(true)).unref();
  });
}

function answers(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(address, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
