import type { HttpRequest } from '@azure/functions';
import type { z } from 'zod';
import { CoreMachineError, type ErrorDetail } from '../../core/errors.ts';
import { isNestedDeeper } from '../../core/json.ts';

/** Parameters may take 1 MiB as canonical JSON; white space gets a little more. */
export const bodyLimitBytes = 2 * 1024 * 1024;
/** No parameter comes near; what walks through a value would run out of stack some thousands of levels down. */
const mostLevels = 100;

/** The request's JSON body; an absent body is `{}`. Throws UNSUPPORTED_MEDIA_TYPE, BODY_TOO_LARGE, BAD_JSON. */
export async function readJsonBody(request: HttpRequest): Promise<unknown> {
  if (Number(request.headers.get('content-length') ?? 0) > bodyLimitBytes) throw tooLarge();
  const bytes = new Uint8Array(await request.arrayBuffer());
  if (bytes.byteLength > bodyLimitBytes) throw tooLarge();
  if (bytes.byteLength === 0) return {};
  const type = (request.headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  if (type !== 'application/json' && !type.endsWith('+json')) {
    throw new CoreMachineError('UNSUPPORTED_MEDIA_TYPE', 'send the parameters with content-type: application/json');
  }
  const body = decoded(bytes);
  if (isNestedDeeper(body, mostLevels)) {
    throw new CoreMachineError('BAD_JSON', `the body is nested more than ${mostLevels} levels deep`);
  }
  return body;
}

function decoded(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new CoreMachineError('BAD_JSON', `the body is not valid JSON: ${(cause as Error).message.slice(0, 200)}`, {
      cause,
    });
  }
}

/** Throws INVALID_PARAMETERS with every problem of a decoded body. */
export function parseBody<T extends z.ZodType>(schema: T, body: unknown): z.output<T> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new CoreMachineError('INVALID_PARAMETERS', 'the request body is not as it should be', {
    details: problemsOf(parsed.error),
  });
}

export function problemsOf({ issues }: z.ZodError): ErrorDetail[] {
  return issues.map((issue) => ({
    path: issue.path.join('.') || (issue.code === 'unrecognized_keys' ? issue.keys.join(', ') : ''),
    code: issue.code,
    message: issue.message,
  }));
}

function tooLarge(): CoreMachineError {
  return new CoreMachineError('BODY_TOO_LARGE', `the body is larger than ${bodyLimitBytes / 1024 / 1024} MiB`);
}
