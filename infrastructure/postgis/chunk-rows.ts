import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import type { Run } from '../postgres/transaction.ts';
import { isBinaryCopy } from '../rows/binary-copy.ts';
import { readBlocks } from '../rows/blocks.ts';

const copyTimeoutMs = 1_800_000;

/** Streams a file of rows in one of COPY's formats into a table; how many it had. */
export async function copyRows(
  client: pg.PoolClient,
  into: string,
  file: string,
  signal: AbortSignal | undefined,
): Promise<number> {
  const blocks = readBlocks(file);
  const { value: first } = await blocks.next();
  const all = async function* () {
    if (first) yield first;
    yield* blocks;
  };
  const statement = `COPY ${into} FROM STDIN${first && isBinaryCopy(first) ? ' (FORMAT binary)' : ''}`;
  // The driver's own time limit is for short statements.
  const stream = client.query(Object.assign(copyFrom(statement), { query_timeout: copyTimeoutMs }));
  try {
    await pipeline(Readable.from(all(), { highWaterMark: 1 }), stream, signal ? { signal } : {});
  } finally {
    // Of a stream that was not begun nobody else closes the file.
    await blocks.return(undefined);
  }
  return stream.rowCount;
}

export interface Target {
  readonly table: string;
  /** Quoted names and types, in the order of the file. */
  readonly columns: readonly { readonly name: string; readonly type: string }[];
}

const batchRows = 500;

/** The same for servers without COPY: arrays of texts, a column each, that the server casts. */
export async function insertRows(run: Run, target: Target, file: string): Promise<number> {
  let count = 0;
  let batch: (string | null)[][] = [];
  const flush = async () => {
    await insertBatch(run, target, batch);
    count += batch.length;
    batch = [];
  };
  for await (const line of copyLines(file)) {
    batch.push(fieldsOf(line));
    if (batch.length === batchRows) await flush();
  }
  if (batch.length > 0) await flush();
  return count;
}

async function insertBatch(run: Run, { table, columns }: Target, rows: readonly (string | null)[][]): Promise<void> {
  const names = columns.map(({ name }) => name).join(', ');
  const values = columns.map(({ type }, index) => `v${index}::${type}`).join(', ');
  const arrays = columns.map((_, index) => `$${index + 1}::text[]`).join(', ');
  const aliases = columns.map((_, index) => `v${index}`).join(', ');
  const statement = `INSERT INTO ${table} (${names}) SELECT ${values} FROM unnest(${arrays}) AS r(${aliases})`;
  await run(
    statement,
    columns.map((_, index) => rows.map((row) => row[index] ?? null)),
  );
}

/** Rows; a line feed after an odd number of backslashes is part of a text. */
async function* copyLines(file: string): AsyncGenerator<string> {
  let rest = '';
  const decoder = new TextDecoder();
  for await (const block of readBlocks(file)) {
    const parts = (rest + decoder.decode(block, { stream: true })).split('\n');
    rest = parts.pop() ?? '';
    let held = '';
    for (const part of parts) {
      const slashes = /\\*$/.exec(part)?.[0].length ?? 0;
      if (slashes % 2 === 1) held += `${part}\n`;
      else {
        yield held + part;
        held = '';
      }
    }
    rest = held + rest;
  }
  if (rest !== '') yield rest;
}

const controls: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

/** https://www.postgresql.org/docs/current/sql-copy.html, text format; octal and hex forms are not written here. */
function fieldsOf(line: string): (string | null)[] {
  return line.split('\t').map((field) => {
    if (field === '\\N') return null;
    if (!field.includes('\\')) return field;
    return field.replaceAll(/\\([\s\S])/g, (_, letter: string) => controls[letter] ?? letter);
  });
}
