/** Reads bytes of a file; fewer at its end. */
export type ReadRange = (offset: number, length: number) => Promise<Uint8Array>;

/** Where one block of a TIFF's first image lies, in pixels; `band` counts from 1. */
export interface BlockPlace {
  readonly band: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Of larger files the last blocks are looked at: writers put them last, and transfers break off at the end. */
const mostBlocks = 65_536;
const directoryBytes = 16_384;

const tags = { width: 256, height: 257, rowsPerStrip: 278, planar: 284, tileWidth: 322, tileHeight: 323 };
const strips = { offsets: 273, counts: 279 };
const tiles = { offsets: 324, counts: 325 };
/** PlanarConfiguration: each band has blocks of its own. */
const separatePlanes = 2;

/**
 * The block of a TIFF that reaches furthest beyond the file's end; null when none does, or when this is no TIFF. Reads
 * the directory of the first image and its block tables, not the pixels. TIFF 6.0, section 2; BigTIFF is the same
 * with 64-bit numbers.
 */
export async function blockBeyondEnd(read: ReadRange, fileBytes: number): Promise<BlockPlace | null> {
  const directory = await openDirectory(read);
  if (!directory) return null;
  const kind = directory.has(tiles.offsets) ? tiles : strips;
  const offsets = await directory.last(kind.offsets, mostBlocks);
  const counts = await directory.last(kind.counts, mostBlocks);
  let [furthest, end] = [-1, fileBytes];
  for (const [index, offset] of offsets.values.entries()) {
    const count = counts.values[index] ?? 0;
    // A block of no bytes was never written.
    if (count === 0 || offset + count <= end) continue;
    [furthest, end] = [offsets.first + index, offset + count];
  }
  return furthest < 0 ? null : placeOf(directory, furthest, kind === tiles);
}

async function placeOf(directory: Directory, index: number, tiled: boolean): Promise<BlockPlace> {
  const imageWidth = await directory.number(tags.width, 1);
  const imageHeight = await directory.number(tags.height, 1);
  const blockWidth = tiled ? await directory.number(tags.tileWidth, imageWidth) : imageWidth;
  const blockHeight = await directory.number(tiled ? tags.tileHeight : tags.rowsPerStrip, imageHeight);
  const across = Math.ceil(imageWidth / blockWidth);
  const perPlane = across * Math.ceil(imageHeight / Math.min(blockHeight, imageHeight));
  const separate = (await directory.number(tags.planar, 1)) === separatePlanes;
  const inPlane = separate ? index % perPlane : index;
  const [x, y] = [(inPlane % across) * blockWidth, Math.floor(inPlane / across) * blockHeight];
  const band = separate ? Math.floor(index / perPlane) + 1 : 1;
  return { band, x, y, width: Math.min(blockWidth, imageWidth - x), height: Math.min(blockHeight, imageHeight - y) };
}

interface Entry {
  readonly size: number;
  readonly count: number;
  /** Where the values start in the file. */
  readonly place: number;
}

/** Sizes in bytes of TIFF's whole-number types. */
const typeSizes: Readonly<Record<number, number>> = { 3: 2, 4: 4, 16: 8 };

async function openDirectory(read: ReadRange): Promise<Directory | null> {
  const head = viewOf(await read(0, 16));
  if (head.byteLength < 16) return null;
  const order = head.getUint16(0);
  const little = order === 0x4949;
  const version = head.getUint16(2, little);
  if ((order !== 0x4949 && order !== 0x4d4d) || (version !== 42 && version !== 43)) return null;
  const big = version === 43;
  const start = big ? Number(head.getBigUint64(8, little)) : head.getUint32(4, little);
  return new Directory(read, start, viewOf(await read(start, directoryBytes)), { big, little });
}

/** The tags of one image. */
class Directory {
  readonly #read: ReadRange;
  readonly #start: number;
  readonly #bytes: DataView;
  readonly #little: boolean;
  readonly #entries = new Map<number, Entry>();

  constructor(
    read: ReadRange,
    start: number,
    bytes: DataView,
    form: { readonly big: boolean; readonly little: boolean },
  ) {
    this.#read = read;
    this.#start = start;
    this.#bytes = bytes;
    this.#little = form.little;
    const layout = form.big ? { head: 8, entry: 20, value: 12, room: 8 } : { head: 2, entry: 12, value: 8, room: 4 };
    if (bytes.byteLength < layout.head) return;
    const entries = numberAt(bytes, 0, layout.head, form.little);
    for (let at = layout.head; at < layout.head + entries * layout.entry; at += layout.entry) {
      if (at + layout.entry > bytes.byteLength) return;
      const size = typeSizes[bytes.getUint16(at + 2, form.little)];
      if (size === undefined) continue;
      const count = numberAt(bytes, at + 4, layout.room, form.little);
      const inside = size * count <= layout.room;
      const place = inside ? start + at + layout.value : numberAt(bytes, at + layout.value, layout.room, form.little);
      this.#entries.set(bytes.getUint16(at, form.little), { size, count, place });
    }
  }

  has(tag: number): boolean {
    return this.#entries.has(tag);
  }

  async number(tag: number, otherwise: number): Promise<number> {
    return (await this.last(tag, 1)).values[0] ?? otherwise;
  }

  /** The last values of a tag, at most `most`, and the index of the first of them. */
  async last(tag: number, most: number): Promise<{ first: number; values: number[] }> {
    const entry = this.#entries.get(tag);
    if (!entry) return { first: 0, values: [] };
    const { size, count, place } = entry;
    const first = Math.max(0, count - most);
    const bytes = await this.#view(place + first * size, (count - first) * size);
    const values = Array.from({ length: Math.floor(bytes.byteLength / size) }, (_, index) =>
      numberAt(bytes, index * size, size, this.#little),
    );
    return { first, values };
  }

  async #view(offset: number, length: number): Promise<DataView> {
    const at = offset - this.#start;
    const known = at >= 0 && at + length <= this.#bytes.byteLength;
    if (known) return new DataView(this.#bytes.buffer, this.#bytes.byteOffset + at, length);
    return viewOf(await this.#read(offset, length));
  }
}

function numberAt(bytes: DataView, at: number, size: number, little: boolean): number {
  if (size === 2) return bytes.getUint16(at, little);
  return size === 4 ? bytes.getUint32(at, little) : Number(bytes.getBigUint64(at, little));
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
