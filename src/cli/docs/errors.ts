import { type ErrorEntry, errorCatalogue } from '../../../core/errors.ts';

/** docs/errors.md: exactly the catalogue. */
export function errorsPage(): string {
  const rows = Object.entries<ErrorEntry>(errorCatalogue).map(
    ([code, { httpStatus, retryable, meaning }]) =>
      `| \`${code}\` | ${httpStatus} | ${retryable ? 'yes' : 'no'} | ${meaning} |`,
  );
  return [
    '# Errors',
    '',
    'Generated from `core/errors.ts` by `./run docs`. An answer with an error is',
    '`{error: CODE, message, details[]?, request_id, timestamp}`; a failed job has `{code, message, details[]?}` in `error`.',
    'Every answer has the header `X-Request-ID`, and `request_id` in its body but where the body is a document of another',
    'standard: `openapi.json` and what `/api/features` shows. What Azure Functions answers before CoreMachine runs has',
    'neither: 401 for a key that is missing or wrong has no body, from the local host too, and 404 for an address or a',
    'method that is no route has none in Azure.',
    '',
    'A task that fails with a retryable code is tried again, up to three times, after 5, 10 and 20 s.',
    '',
    '| code | HTTP status | retryable | meaning |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}
