import { type FileHandle, open } from 'node:fs/promises';

/**
 * HDF5, and so netCDF 4, has three ways to take values from other files, and the library follows them all: data kept
 * in external files (any file, byte by byte), virtual datasets, external links. They are told from the bytes of the
 * file and not by the library, which has no word for "do not". The names are those of the HDF5 File Format
 * Specification 3.0. Its structures are not compressed, so none can hide; that random bytes look like one, with an
 * address of 64 bits that leads to the right signature, does not happen.
 */
const signature = Buffer.from('\x89HDF\r\n\x1a\n', 'latin1');
const chunkBytes = 4 * 1024 * 1024;
/** What may reach over the end of a chunk: a link message with two names. */
const overlapBytes = 64 * 1024;

type Signatures = { readonly heaps: ReadonlySet<number>; readonly collections: ReadonlySet<number> };

/** Beyond this many candidates of links that need a look elsewhere in the file somebody made them. */
const mostLooks = 10_000;

/** Null for a file that stands alone; else what is wrong with it. Reads all of an HDF5 file: 4 s of CPU for 1 GB. */
export async function hdf5References(path: string): Promise<string | null> {
  const file = await open(path, 'r');
  try {
    const head = Buffer.alloc(16);
    await file.read(head, 0, head.length, 0);
    if (head.toString('latin1', 0, 3) === 'CDF') return null;
    if (!head.subarray(0, 8).equals(signature)) return 'it does not begin as HDF5 or netCDF does';
    const offsetSize = head[(head[8] ?? 0) < 2 ? 13 : 9];
    if (offsetSize !== 8) return 'its addresses are not of 64 bits';
    return await findReferences(file);
  } finally {
    await file.close();
  }
}

async function findReferences(file: FileHandle): Promise<string | null> {
  const heaps = new Set<number>();
  const collections = new Set<number>();
  for await (const { bytes, start } of chunksOf(file)) {
    for (const at of placesOf(bytes, 'HEAP')) heaps.add(start + at);
    for (const at of placesOf(bytes, 'GCOL')) collections.add(start + at);
    if (placesOf(bytes, 'FRHP').some((at) => isFiltered(bytes, at))) return 'it has compressed links';
  }
  let looks = 0;
  for await (const { bytes, start } of chunksOf(file)) {
    const found = valuesElsewhere(bytes, { heaps, collections });
    if (found) return found;
    for (const at of linksIn(bytes)) {
      const size = targetOf(bytes, at);
      // Most lie in the same chunk; a name may be as long as the file.
      const inside = size + 2 + 65_535 <= bytes.length;
      looks += inside ? 0 : 1;
      if (looks > mostLooks) return 'it has too many links';
      const target = inside ? bytes.subarray(size, size + 2 + 65_535) : await readAt(file, start + size, 2 + 65_535);
      if (isExternal(target)) return 'it has external links';
    }
  }
  return null;
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  const { bytesRead } = await file.read(bytes, 0, length, position);
  return bytes.subarray(0, bytesRead);
}

/** Fractal heap: a length of encoded I/O filters. Links in it would be compressed. */
function isFiltered(bytes: Buffer, at: number): boolean {
  return at + 9 <= bytes.length && bytes[at + 4] === 0 && bytes.readUInt16LE(at + 7) !== 0;
}

/** Each begins with the end of the one before. */
async function* chunksOf(file: FileHandle): AsyncGenerator<{ bytes: Buffer; start: number }> {
  const buffer = Buffer.alloc(chunkBytes);
  for (let start = 0; ; start += chunkBytes - overlapBytes) {
    const { bytesRead } = await file.read(buffer, 0, chunkBytes, start);
    yield { bytes: buffer.subarray(0, bytesRead), start };
    if (bytesRead < chunkBytes) return;
  }
}

function placesOf(bytes: Buffer, word: string): number[] {
  const found: number[] = [];
  for (let at = bytes.indexOf(word, 0, 'latin1'); at >= 0; at = bytes.indexOf(word, at + 1, 'latin1')) found.push(at);
  return found;
}

function valuesElsewhere(bytes: Buffer, { heaps, collections }: Signatures): string | null {
  for (let at = 0; at + 10 <= bytes.length; at += 1) {
    const value = bytes[at];
    // External Data Files message: version 1, 3 bytes reserved, 2 + 2 of slots, the address of a local heap.
    if (value === 1 && isAddress(bytes, at + 8, heaps)) return 'its values lie in external files';
    // Data Layout message: version 4 or later, class 3, the address of a global heap collection.
    if (value === 3 && (bytes[at - 1] ?? 0) >= 4 && isAddress(bytes, at + 1, collections)) {
      return 'it has virtual datasets';
    }
  }
  return null;
}

function isAddress(bytes: Buffer, at: number, places: ReadonlySet<number>): boolean {
  if (places.size === 0 || at + 8 > bytes.length || bytes.readUInt16LE(at + 6) !== 0) return false;
  return places.has(bytes.readUIntLE(at, 6));
}

/** Link messages of type 64, external: version 1, flags, the type; where the type stands. */
function* linksIn(bytes: Buffer): Generator<number> {
  for (let at = bytes.indexOf(64, 2); at >= 0; at = bytes.indexOf(64, at + 1)) {
    if (bytes[at - 2] === 1 && ((bytes[at - 1] ?? 0) & 0xe8) === 8 && at + 18 <= bytes.length) yield at;
  }
}

/** After the type: a creation order (flag 4), a character set (flag 16), the length of the name in 1 to 8 bytes, the name. */
function targetOf(bytes: Buffer, at: number): number {
  const flags = bytes[at - 1] ?? 0;
  const lengthAt = at + 1 + (flags & 4 ? 8 : 0) + (flags & 16 ? 1 : 0);
  const lengthSize = 1 << (flags & 3);
  return lengthAt + lengthSize + bytes.readUIntLE(lengthAt, Math.min(lengthSize, 6));
}

/** The length of the target in 2 bytes and the target: a byte 0 and two names, each ended by a 0. */
function isExternal(target: Buffer): boolean {
  if (target.length < 6) return false;
  const size = target.readUInt16LE(0);
  const names = target.subarray(2, 2 + size);
  if (size < 4 || names.length < size || names[0] !== 0 || names[size - 1] !== 0) return false;
  return names.subarray(1, -1).indexOf(0) > 0;
}
