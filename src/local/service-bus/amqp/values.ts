// Just enough of AMQP 1.0's encoding (OASIS AMQP 1.0 part 1, section 1.6) to find where a value ends: messages pass
// through as bytes, because decoding and encoding again would lose types (int or double, uuid, long).

/** Where the encoded value that starts at `offset` ends. */
export function endOfValue(buffer: Buffer, offset: number): number {
  const marker = byteAt(buffer, offset);
  if (marker === 0x00) return endOfValue(buffer, endOfValue(buffer, offset + 1));
  const start = offset + 1;
  switch (marker >> 4) {
    case 0x4:
      return start;
    case 0x5:
      return start + 1;
    case 0x6:
      return start + 2;
    case 0x7:
      return start + 4;
    case 0x8:
      return start + 8;
    case 0x9:
      return start + 16;
    case 0xa:
    case 0xc:
    case 0xe:
      return start + 1 + byteAt(buffer, start);
    case 0xb:
    case 0xd:
    case 0xf:
      return start + 4 + buffer.readUInt32BE(start);
    default:
      throw new Error(`not an AMQP value: marker 0x${marker.toString(16)}`);
  }
}

/** The entries of an encoded map, key and value each still encoded. */
export function mapEntries(map: Buffer): { key: Buffer; value: Buffer }[] {
  const marker = byteAt(map, 0);
  if (marker !== 0xc1 && marker !== 0xd1) return [];
  const entries: { key: Buffer; value: Buffer }[] = [];
  let at = marker === 0xc1 ? 3 : 9;
  while (at < map.length) {
    const keyEnd = endOfValue(map, at);
    const valueEnd = endOfValue(map, keyEnd);
    entries.push({ key: map.subarray(at, keyEnd), value: map.subarray(keyEnd, valueEnd) });
    at = valueEnd;
  }
  return entries;
}

/** The items of an encoded list, each still encoded. */
export function listItems(list: Buffer): Buffer[] {
  const marker = byteAt(list, 0);
  if (marker !== 0xc0 && marker !== 0xd0) return [];
  const items: Buffer[] = [];
  for (let at = marker === 0xc0 ? 3 : 9; at < list.length; ) {
    const end = endOfValue(list, at);
    items.push(list.subarray(at, end));
    at = end;
  }
  return items;
}

/** A map (map32) of encoded keys and values. */
export function encodeMap(entries: readonly { readonly key: Buffer; readonly value: Buffer }[]): Buffer {
  return compound(
    0xd1,
    entries.flatMap(({ key, value }) => [key, value]),
  );
}

/** A list (list32) of encoded items. */
export function encodeList(items: readonly Buffer[]): Buffer {
  return compound(0xd0, items);
}

export const encodedNull = Buffer.from([0x40]);
export const encodedTrue = Buffer.from([0x41]);

// What goes with every delivery. rhea's writer, made for whole messages, takes a buffer of a kilobyte for each value.

export function encodeUint(value: number): Buffer {
  const encoded = marked(0x70, 5);
  encoded.writeUInt32BE(value, 1);
  return encoded;
}

export function encodeInt(value: number): Buffer {
  const encoded = marked(0x71, 5);
  encoded.writeInt32BE(value, 1);
  return encoded;
}

export function encodeLong(value: number): Buffer {
  return eightBytes(0x81, value);
}

/** Milliseconds since the epoch. */
export function encodeTimestamp(value: number): Buffer {
  return eightBytes(0x83, value);
}

function eightBytes(marker: number, value: number): Buffer {
  const encoded = marked(marker, 9);
  encoded.writeInt32BE(Math.floor(value / 2 ** 32), 1);
  encoded.writeUInt32BE(value >>> 0, 5);
  return encoded;
}

function marked(marker: number, length: number): Buffer {
  const encoded = Buffer.allocUnsafe(length);
  encoded[0] = marker;
  return encoded;
}

function compound(marker: number, items: readonly Buffer[]): Buffer {
  const content = Buffer.concat(items);
  const head = Buffer.alloc(9);
  head[0] = marker;
  head.writeUInt32BE(content.length + 4, 1);
  head.writeUInt32BE(items.length, 5);
  return Buffer.concat([head, content]);
}

/** The text of an encoded string or symbol key; null for a key of another type. */
export function keyText(key: Buffer): string | null {
  const marker = byteAt(key, 0);
  if (marker === 0xa1 || marker === 0xa3) return key.toString('utf8', 2);
  if (marker === 0xb1 || marker === 0xb3) return key.toString('utf8', 5);
  return null;
}

function byteAt(buffer: Buffer, offset: number): number {
  const byte = buffer[offset];
  if (byte === undefined) throw new Error('the AMQP data ends too early');
  return byte;
}
