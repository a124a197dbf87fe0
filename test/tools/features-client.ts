import pg from 'pg';
import type { JsonObject } from '../../core/json.ts';
import type { TestStack } from './stack.ts';

export interface Link extends JsonObject {
  readonly href: string;
  readonly rel: string;
  readonly type: string;
}

export interface Feature extends JsonObject {
  readonly id: number;
  readonly geometry: JsonObject | null;
  readonly properties: JsonObject;
}

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly headers: Headers;
  readonly body: JsonObject;
}

export const linksOf = ({ links = [] }: JsonObject) => links as unknown as readonly Link[];
export const linkOf = (document: JsonObject, rel: string) => linksOf(document).find((one) => one.rel === rel);
export const featuresOf = ({ body }: Answer) => body.features as unknown as readonly Feature[];
export const idsOf = (answer: Answer) => featuresOf(answer).map(({ id }) => id);

/** Asks a stack's features API, with the key in a header unless there shall be `none`. */
export class FeaturesClient {
  readonly #running: () => TestStack;

  constructor(running: () => TestStack) {
    this.#running = running;
  }

  /** An address as links have it, or what comes behind `/api/features`. */
  async get(address: string, options: { key?: 'header' | 'none' } = {}): Promise<Answer> {
    const { url, functionKey } = this.#running().stack;
    const headers: Record<string, string> = options.key === 'none' ? {} : { 'x-functions-key': functionKey };
    const answer = await fetch(address.startsWith('http') ? address : `${url}/api/features${address}`, { headers });
    const text = await answer.text();
    const body = text ? (JSON.parse(text) as JsonObject) : {};
    return { status: answer.status, type: answer.headers.get('content-type') ?? '', headers: answer.headers, body };
  }

  items(query = '', collection = 'places'): Promise<Answer> {
    return this.get(`/collections/${encodeURIComponent(collection)}/items${query}`);
  }
}

/** Rows of a statement, on a connection of its own. */
export async function rowsOf(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}
