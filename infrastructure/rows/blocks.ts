import { open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { constants, zstdCompressSync, zstdDecompress } from 'node:zlib';

/**
 * Files of rows are Zstandard frames, each behind a skippable frame that says how long it is, packed and unpacked, so
 * that they are read one by one; `zstd -d` reads the whole. Level 1 takes 2 ms for a megabyte of rows. Of the text format
 * it leaves a third or less: hexadecimal geometries say in two bytes what is one.
 */
const skippable = 0x184d2a50;
const headerBytes = 16;
/** The default of 16 KiB would make sixty buffers of a block. */
const packing = { params: { [constants.ZSTD_c_compressionLevel]: 1 }, chunkSize: 256 * 1024 };
/** An output buffer that is full asks for another. */
const spare = 64;
const decompress = promisify(zstdDecompress);

/** One block, to be written behind others. */
export function packedBlock(bytes: Uint8Array): Buffer {
  const frame = zstdCompressSync(bytes, packing);
  const header = Buffer.allocUnsafe(headerBytes);
  header.writeUInt32LE(skippable, 0);
  header.writeUInt32LE(8, 4);
  header.writeUInt32LE(frame.length, 8);
  header.writeUInt32LE(bytes.length, 12);
  return Buffer.concat([header, frame]);
}

/** The blocks of a file as they were given. Throws for a file that ends within one. */
export async function* readBlocks(path: string): AsyncGenerator<Buffer> {
  const file = await open(path);
  const take = async (length: number) => {
    const bytes = Buffer.allocUnsafe(length);
    const { bytesRead } = await file.read(bytes, 0, length);
    if (bytesRead !== 0 && bytesRead !== length) throw new Error('a file of rows ends within a block');
    return bytesRead === 0 ? null : bytes;
  };
  try {
    for (let header = await take(headerBytes); header; header = await take(headerBytes)) {
      const frame = header.readUInt32LE(0) === skippable ? await take(header.readUInt32LE(8)) : null;
      if (!frame) throw new Error('a file of rows is not made of blocks');
      yield await decompress(frame, { chunkSize: header.readUInt32LE(12) + spare });
    }
  } finally {
    await file.close();
  }
}
