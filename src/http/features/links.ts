import type { JsonObject } from '../../../core/json.ts';
import { openApiMediaType } from '../openapi.ts';

export const geoJson = 'application/geo+json';
const json = 'application/json';

export interface Link extends JsonObject {
  readonly href: string;
  readonly rel: string;
  readonly type: string;
  readonly title: string;
}

/**
 * Addresses of the features API as the client reaches it. A function key that came in the query goes on in every link,
 * so that clients which only follow links get on.
 */
export class Links {
  readonly #request: URL;
  readonly #root: string;
  readonly #key: string | null;

  constructor(url: string) {
    this.#request = new URL(url);
    const { origin, pathname, searchParams } = this.#request;
    this.#root = `${origin}${/^.*?\/features(?=\/|$)/i.exec(pathname)?.[0] ?? ''}`;
    this.#key = searchParams.get('code');
  }

  self(type = json): Link {
    return { href: this.#request.href, rel: 'self', type, title: 'This document' };
  }

  root(): Link {
    return this.#link('', 'root', json, 'Start');
  }

  apiDefinition(): Link {
    const href = this.#keyed(this.#root.replace(/\/features$/i, '/openapi.json'));
    return { href, rel: 'service-desc', type: openApiMediaType, title: 'The API as OpenAPI 3.1' };
  }

  conformance(): Link {
    return this.#link('/conformance', 'conformance', json, 'What this API conforms to');
  }

  collections(): Link {
    return this.#link('/collections', 'data', json, 'All collections');
  }

  collection(id: string, rel: string): Link {
    return this.#link(`/collections/${encodeURIComponent(id)}`, rel, json, id);
  }

  items(id: string): Link {
    return this.#link(`/collections/${encodeURIComponent(id)}/items`, 'items', geoJson, `Features of ${id}`);
  }

  /** The same request for the page behind the cursor. */
  next(cursor: string): Link {
    const url = new URL(this.#request);
    url.searchParams.set('cursor', cursor);
    return { href: url.href, rel: 'next', type: geoJson, title: 'Next page' };
  }

  #link(path: string, rel: string, type: string, title: string): Link {
    return { href: this.#keyed(`${this.#root}${path}`), rel, type, title };
  }

  #keyed(href: string): string {
    return this.#key === null ? href : `${href}?code=${encodeURIComponent(this.#key)}`;
  }
}
