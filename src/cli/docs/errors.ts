import { type ErrorEntry, errorCatalogue } from '../../../core/errors.ts';
import { type WarningEntry, warningCatalogue } from '../../../core/warnings.ts';

/** docs/errors.md: exactly the two catalogues. */
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
    'A task, a plan or a `finalize` that fails with a retryable code is tried again, up to three times, after 5, 10 and 20 s.',
    '',
    '| code | HTTP status | retryable | meaning |',
    '|---|---|---|---|',
    ...rows,
    '',
    ...warnings(),
  ].join('\n');
}

function warnings(): string[] {
  const rows = Object.entries<WarningEntry>(warningCatalogue).map(
    ([code, { about, severity, meaning, remedy }]) =>
      `| \`${code}\` | ${about} | ${about === 'rasters' && severity === 'warning' ? 'yes' : 'no'} | ${meaning} | ${remedy} |`,
  );
  return [
    '## Warnings',
    '',
    'Generated from `core/warnings.ts`. The result of a job says in `warnings` (of rasters: `validation.warnings`) what is odd',
    'about its source, or was done otherwise than it asked: `{code, message}`, of rasters also `severity` (`warning` or',
    '`info`). Where a job type has the parameter `strict_mode`, true makes errors of some: the job fails with `VALIDATION_FAILED`,',
    'whose `details` have their codes. `process_raster_collection` leaves such a raster out, and `validate_raster_job` says',
    '`valid: false`.',
    '',
    '| code | of | strict: an error | meaning | what to do |',
    '|---|---|---|---|---|',
    ...rows,
    '',
  ];
}
