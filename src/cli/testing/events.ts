/** What the reporter inside a test file's process tells the runner, one JSON object a line. */
export type TestEvent =
  | { readonly type: 'start'; readonly name: string; readonly nesting: number }
  | TestEnded
  | { readonly type: 'diagnostic'; readonly message: string }
  | { readonly type: 'summary' };

export interface TestEnded {
  readonly type: 'pass' | 'fail';
  readonly name: string;
  readonly nesting: number;
  readonly kind: 'test' | 'suite';
  /** The reason of a skip; true when the test gave none. */
  readonly skip: string | boolean | undefined;
  readonly todo: string | boolean | undefined;
  readonly failureType: string | undefined;
  readonly error: string | undefined;
}

/** File descriptor on which the runner listens; standard output belongs to the tests. */
export const eventsDescriptor = 3;
