/** Set-up needs a right it does not have; `command` is the one line for the user to type. */
export class NeedsByHandError extends Error {
  readonly command: string;

  constructor(why: string, command: string) {
    super(`${why} Type this once, then the same command again:\n\n  ${command}\n`);
    this.name = 'NeedsByHandError';
    this.command = command;
  }
}

/** A program that set-up called has failed; the message carries the end of its output. */
export class ToolFailedError extends Error {
  constructor(what: string, tail: string, logFile: string) {
    super(`${what}\n\n${tail}\n\nAll of it: ${logFile}`);
    this.name = 'ToolFailedError';
  }
}
