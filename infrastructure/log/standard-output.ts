let waiting = '';

/**
 * Writes a line to standard output, together with all others of this turn of the event loop: a write is a system call
 * that the loop waits for, and two for each task took a tenth of a worker's time. What waits when the process exits is
 * written then; a process that is killed loses the lines of its last turn.
 */
export function standardOutput(line: string): void {
  if (waiting === '') setImmediate(flush);
  waiting += `${line}\n`;
}

function flush(): void {
  if (waiting === '') return;
  const text = waiting;
  waiting = '';
  process.stdout.write(text);
}

process.on('exit', flush);
