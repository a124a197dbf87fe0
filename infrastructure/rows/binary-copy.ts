/** PostgreSQL's binary COPY (https://www.postgresql.org/docs/current/sql-copy.html): what stands before and behind its rows. */
const signature = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');

/** No flags, no extension. */
export const binaryHead = Buffer.concat([signature, Buffer.alloc(8)]);
export const binaryTail = Buffer.from([0xff, 0xff]);

/** Tells from its first bytes which of the formats a file of rows is in: no row of the text format begins like that. */
export function isBinaryCopy(start: Uint8Array): boolean {
  return signature.equals(start.subarray(0, signature.length));
}
