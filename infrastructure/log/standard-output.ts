let waiting = '';
let flushing: NodeJS.Timeout | undefined;

/** A line waits this long at most for others to be written with. */
const waitMs = 10;
/** Half of what a pipe holds: more in one go, and the write would wait for its reader. */
const mostCharacters = 32 * 1024;

/**
 * Writes a line to standard output, together with those that follow it shortly: a write is a system call that the event
 * loop waits for, and that wakes up whoever reads. What waits when the process exits is written then; a process that is
 * killed loses the lines of its last 10 ms.
 */
export function standardOutput(line: string): void {
  waiting += `${line}\n`;
  if (waiting.length > mostCharacters) flush();
  else flushing ??= setTimeout(flush, waitMs);
}

function flush(): void {
  clearTimeout(flushing);
  flushing = undefined;
  if (waiting === '') return;
  const text = waiting;
  waiting = '';
  process.stdout.write(text);
}

process.on('exit', flush);
