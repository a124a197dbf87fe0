/** Reads bytes of a file; shorter at its end. */
export type ReadRange = (offset: number, length: number) => Promise<Uint8Array>;

/** Holds the header of all but the largest COGs. */
const firstRead = 65_536;
const laterRead = 4_096;
const mostImages = 64;

const tags = { stripOffsets: 273, tileOffsets: 324 };

/**
 * How many bytes from the start of a COG hold its directories, that is: where its first tile lies. Null when it is not
 * a TIFF. Readers that fetch so many bytes at once need one request to open it. TIFF 6.0, section 2; BigTIFF has the
 * same structure with 64-bit numbers.
 */
export async function headerSize(read: ReadRange): Promise<number | null> {
  const file = new TiffBytes(read, await read(0, firstRead));
  const kind = await file.open();
  if (kind === null) return null;
  const starts: number[] = [];
  let directory = kind.firstDirectory;
  for (let image = 0; directory > 0 && image < mostImages; image += 1) {
    const { next, firstTile } = await readDirectory(file, directory, kind.big);
    if (firstTile > 0) starts.push(firstTile);
    directory = next;
  }
  return starts.length === 0 ? null : Math.min(...starts);
}

async function readDirectory(file: TiffBytes, at: number, big: boolean): Promise<{ next: number; firstTile: number }> {
  const layout = big ? { count: 8, entry: 20, value: 12, number: 8 } : { count: 2, entry: 12, value: 8, number: 4 };
  const entries = await file.number(at, layout.count);
  const first = at + layout.count;
  let firstTile = 0;
  for (let index = 0; index < entries; index += 1) {
    const entry = first + index * layout.entry;
    const tag = await file.number(entry, 2);
    if (tag === tags.tileOffsets || tag === tags.stripOffsets) firstTile = await firstOffset(file, entry, layout);
  }
  return { next: await file.number(first + entries * layout.entry, layout.number), firstTile };
}

/** Sizes in bytes of TIFF's whole-number types. */
const typeSizes: Readonly<Record<number, number>> = { 3: 2, 4: 4, 13: 4, 16: 8, 18: 8 };

/** The first value of an array, which stands in the entry itself when it fits. */
async function firstOffset(file: TiffBytes, entry: number, layout: { value: number; number: number }): Promise<number> {
  const size = typeSizes[await file.number(entry + 2, 2)] ?? layout.number;
  const count = await file.number(entry + 4, layout.number);
  const place = entry + layout.value;
  return file.number(size * count <= layout.number ? place : await file.number(place, layout.number), size);
}

class TiffBytes {
  readonly #read: ReadRange;
  #start = 0;
  #bytes: DataView;
  #little = true;

  constructor(read: ReadRange, head: Uint8Array) {
    this.#read = read;
    this.#bytes = viewOf(head);
  }

  async open(): Promise<{ big: boolean; firstDirectory: number } | null> {
    if (this.#bytes.byteLength < 16) return null;
    const order = this.#bytes.getUint16(0);
    this.#little = order === 0x4949;
    const version = await this.number(2, 2);
    if ((order !== 0x4949 && order !== 0x4d4d) || (version !== 42 && version !== 43)) return null;
    const big = version === 43;
    return { big, firstDirectory: await this.number(big ? 8 : 4, big ? 8 : 4) };
  }

  async number(offset: number, size: number): Promise<number> {
    if (offset < this.#start || offset + size > this.#start + this.#bytes.byteLength) {
      this.#bytes = viewOf(await this.#read(offset, laterRead));
      this.#start = offset;
    }
    const at = offset - this.#start;
    if (at + size > this.#bytes.byteLength) return 0;
    if (size === 2) return this.#bytes.getUint16(at, this.#little);
    if (size === 4) return this.#bytes.getUint32(at, this.#little);
    return Number(this.#bytes.getBigUint64(at, this.#little));
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
