import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';

const delimiters = [',', ';', '\t', '|'] as const;
const quote = '"';

/** Takes the fields of one record; row 0 is the header. */
export type OnRecord = (fields: readonly string[], row: number) => void;

/**
 * The records of a CSV file (RFC 4180, any of the usual delimiters, LF or CRLF), as UTF-16 when it begins with that mark,
 * else as UTF-8 or, where that fails, as Windows-1252. `begin` is called before the first record, and again when the file is read anew.
 */
export async function readCsv(
  file: string,
  begin: () => OnRecord,
  progress: (fraction: number) => void = () => {},
): Promise<void> {
  const wide = await utf16Of(file);
  if (wide !== null) return readAs(file, wide, begin(), progress);
  try {
    await readAs(file, 'utf-8', begin(), progress);
  } catch (error) {
    if (!(error instanceof TypeError && 'code' in error && error.code === 'ERR_ENCODING_INVALID_ENCODED_DATA'))
      throw error;
    await readAs(file, 'windows-1252', begin(), progress);
  }
}

/** Of the byte order mark that spreadsheets write. */
async function utf16Of(file: string): Promise<'utf-16le' | 'utf-16be' | null> {
  const handle = await open(file);
  try {
    const { buffer } = await handle.read(Buffer.alloc(2), 0, 2, 0);
    const mark = buffer.readUInt16BE();
    return mark === 0xfffe ? 'utf-16le' : mark === 0xfeff ? 'utf-16be' : null;
  } finally {
    await handle.close();
  }
}

async function readAs(
  file: string,
  encoding: string,
  onRecord: OnRecord,
  progress: (fraction: number) => void,
): Promise<void> {
  const { size } = await stat(file);
  let taken = 0;
  const decoder = new TextDecoder(encoding, { fatal: encoding === 'utf-8' });
  const splitter = new RecordSplitter(onRecord);
  for await (const chunk of createReadStream(file, { highWaterMark: 1024 * 1024 })) {
    splitter.push(decoder.decode(chunk as Buffer, { stream: true }));
    taken += (chunk as Buffer).length;
    progress(Math.min(1, taken / size));
  }
  splitter.push(decoder.decode());
  splitter.end();
}

class RecordSplitter {
  readonly #onRecord: OnRecord;
  #rest = '';
  #row = 0;
  #delimiter: string | null = null;

  constructor(onRecord: OnRecord) {
    this.#onRecord = onRecord;
  }

  push(text: string): void {
    const whole = this.#rest + text;
    this.#rest = whole.slice(this.#take(whole, false));
  }

  end(): void {
    if (this.#rest !== '') this.#take(`${this.#rest}\n`, true);
    this.#rest = '';
  }

  /** How much of the text was taken. */
  #take(text: string, isLast: boolean): number {
    let from = 0;
    // Looked for once: most files have no quote, or none for a long way.
    let nextQuote = text.indexOf(quote);
    for (;;) {
      let to = text.indexOf('\n', from);
      if (to === -1) return isLast ? text.length : from;
      if (nextQuote !== -1 && nextQuote < from) nextQuote = text.indexOf(quote, from);
      const quoted = nextQuote !== -1 && nextQuote < to;
      if (quoted) {
        to = recordEnd(text, from, this.#delimiter ?? delimiters.join(''));
        if (to === -1 && !isLast) return from;
        if (to === -1) to = text.length;
      }
      this.#record(text.slice(from, text[to - 1] === '\r' ? to - 1 : to), quoted);
      from = to + 1;
    }
  }

  #record(line: string, quoted: boolean): void {
    if (line === '') return;
    this.#delimiter ??= delimiterOf(line);
    const fields = quoted ? quotedFields(line, this.#delimiter) : line.split(this.#delimiter);
    this.#onRecord(fields, this.#row);
    this.#row += 1;
  }
}

/**
 * The line feed that ends a record; -1: it is not here yet. A quote opens at the beginning of a field only (RFC 4180):
 * elsewhere it is a letter like any other. Of a header several delimiters are possible.
 */
function recordEnd(text: string, from: number, separators: string): number {
  for (let at = from; at < text.length; at += 1) {
    if (text[at] === quote) {
      const close = closingQuote(text, at);
      if (close === -1) return -1;
      at = close + 1;
    }
    for (let letter = text[at]; letter !== undefined && !separators.includes(letter); letter = text[at]) {
      if (letter === '\n') return at;
      at += 1;
    }
  }
  return -1;
}

/** Where the field that a quote opens is closed; two quotes are a letter of it. */
function closingQuote(text: string, open: number): number {
  let close = text.indexOf(quote, open + 1);
  while (close !== -1 && text[close + 1] === quote) close = text.indexOf(quote, close + 2);
  return close;
}

function quotedFields(line: string, delimiter: string): string[] {
  const fields: string[] = [];
  let at = 0;
  for (;;) {
    if (line[at] !== quote) {
      const end = line.indexOf(delimiter, at);
      fields.push(line.slice(at, end === -1 ? line.length : end));
      if (end === -1) return fields;
      at = end + 1;
      continue;
    }
    let close = closingQuote(line, at);
    if (close === -1) close = line.length;
    const end = line.indexOf(delimiter, close + 1);
    const after = line.slice(close + 1, end === -1 ? line.length : end);
    fields.push(line.slice(at + 1, close).replaceAll('""', quote) + after);
    if (end === -1) return fields;
    at = end + 1;
  }
}

/** The one that cuts the header into most fields. What stands in quotes does not count. */
function delimiterOf(header: string): string {
  const bare = header.replaceAll(/(?<=^|[,;\t|])"(?:[^"]|"")*"/g, '');
  const counts = delimiters.map((one) => bare.split(one).length);
  return delimiters[counts.indexOf(Math.max(...counts))] ?? ',';
}
