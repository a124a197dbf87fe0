import { setImmediate } from 'node:timers/promises';
import { growHeapFreely } from '../../src/heap-growth.ts';

if (process.argv.includes('grow')) growHeapFreely();

// Something that lives, so that there is something to mark.
const living = Array.from({ length: 200_000 }, (_, number) => ({ number }));
for (let piece = 0; piece < 10_000; piece += 1) {
  Buffer.allocUnsafeSlow(64 * 1024);
  if (piece % 50 === 0) await setImmediate();
}
console.log(`${living.length} objects`);
