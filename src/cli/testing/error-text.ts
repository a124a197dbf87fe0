import { inspect } from 'node:util';

/** An error with its stack and everything that caused it, without the frames of Node's own machinery. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return inspect(error, { depth: 6 });
  const own = (error.stack ?? error.message).split('\n').filter((line) => !/^\s+at .*\(?node:internal/.test(line));
  const parts = error instanceof AggregateError ? error.errors.map((one) => indent(errorText(one))) : [];
  const cause = error.cause === undefined ? [] : [`caused by: ${errorText(error.cause)}`];
  return [...own, ...parts, ...cause].join('\n');
}

export function indent(text: string): string {
  return text.replace(/^(?=.)/gm, '    ');
}
