import { setFlagsFromString } from 'node:v8';

/**
 * Lets V8's old generation grow to three times of what lives in it before it is marked anew. By itself V8 allows little where
 * few objects are made, and the bytes of buffers count: while a blob passed through, in buffers of 64 KB, the whole
 * heap was marked every 10 MB (Node 24, seen with --trace-gc), more than half of the time of a transfer. The price is memory:
 * twice of what lives, some 90 MB of a host. --max-old-space-size still holds. Read at each marking, so it may be set late.
 */
export function growHeapFreely(): void {
  setFlagsFromString('--heap-growing-percent=200');
}
