import { z } from 'zod';
import { containsNul } from '../../core/json.ts';

/** Opaque to clients: the sort key of the last row of a page, as base64url JSON. */
export function encodeCursor(key: Record<string, string | number | readonly string[]>): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

/** A query parameter that decodes to a sort key of the given shape; anything else is an invalid parameter. */
export function cursorParameter<T extends z.ZodObject>(key: T, maxLength = 1000) {
  return z
    .string()
    .max(maxLength)
    .transform((text, context): z.output<T> => {
      try {
        const decoded: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
        if (!containsNul(decoded)) return key.parse(decoded);
      } catch {}
      context.addIssue({ code: 'custom', message: 'not a cursor of this list' });
      return z.NEVER;
    })
    .describe('`next_cursor` of the page before.');
}

/** PostgreSQL's largest integer: what is over it is no run and no stage, and no error of the database. */
export const largestInteger = 2 ** 31 - 1;

export const limitParameter = z.coerce.number().int().min(1).max(1000).default(100).describe('Rows a page, 1-1000.');
