/**
 * A lock token travels in two forms: as a delivery tag in .NET's GUID order (first three groups byte-reversed), and on
 * $management as an AMQP uuid in plain order. We keep 32 hexadecimal digits in plain order.
 */
export function tokenToTag(token: string): Buffer {
  return swapGroups(Buffer.from(token, 'hex'));
}

export function tokenToUuid(token: string): Buffer {
  return Buffer.from(token, 'hex');
}

export function uuidToToken(uuid: Buffer | string): string {
  return typeof uuid === 'string' ? uuid.replaceAll('-', '').toLowerCase() : uuid.toString('hex');
}

function swapGroups(guid: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from(guid.subarray(0, 4)).reverse(),
    Buffer.from(guid.subarray(4, 6)).reverse(),
    Buffer.from(guid.subarray(6, 8)).reverse(),
    guid.subarray(8),
  ]);
}
