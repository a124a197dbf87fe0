import { setFlagsFromString } from 'node:v8';

/**
 * Keeps V8 from marking the whole heap again and again while files pass through in buffers of 64 KB. By itself it does so
 * whenever buffers made up 64 MB since the last time, freed or not, and where few objects are made for every 10 MB: more than
 * half of what a transfer costs (--trace-gc). Instead, buffers count as the heap does, and the old generation may grow to
 * three times of what lives in it. The price is memory: a host that transfers reaches 430 MB (380 without the second flag);
 * --max-old-space-size still holds. Both are read at each marking, so they may be set late.
 */
export function growHeapFreely(): void {
  setFlagsFromString('--heap-growing-percent=200');
  // V8 of Node 22 does not know it yet.
  if (Number.parseInt(process.versions.v8, 10) >= 13) {
    setFlagsFromString('--external-memory-accounted-in-global-limit');
  }
}
