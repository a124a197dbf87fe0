/**
 * What `read` makes of the program's arguments. `--help` prints how the program is used and ends it; so does what `read`
 * throws, with exit code 2.
 */
export function commandLine<T>(help: string, read: () => T): T {
  if (process.argv.slice(2).includes('--help')) {
    console.log(help);
    process.exit(0);
  }
  try {
    return read();
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${help}`);
    process.exit(2);
  }
}

/** @throws Error for the user, where the text of option `name` is no whole number in these bounds. */
export function wholeNumber(name: string, text: string, from: number, to: number): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= from && number <= to) return number;
  throw new Error(`${name} takes a whole number from ${from} to ${to}, not ${text}`);
}
