import type { ErrorCode } from '../../../../core/errors.ts';

/** What is wrong with the file or the request, in the words that the user gets. */
export class VectorProblem extends Error {
  readonly code: ErrorCode;
  readonly details: readonly string[];

  constructor(code: ErrorCode, message: string, details: readonly string[] = []) {
    super(message);
    this.name = 'VectorProblem';
    this.code = code;
    this.details = details;
  }
}
