import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { cpus, release, totalmem } from 'node:os';

const page = new URL('../../../docs/performance.md', import.meta.url);

/** Replaces one section of docs/performance.md, the one between its two markers; the others stay. */
export async function writeSection(name: string, lines: readonly string[]): Promise<void> {
  const [start, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const section = [start, ...lines, end].join('\n');
  const text = await readFile(page, 'utf8').catch(() => preamble);
  const found = text.includes(start)
    ? text.replace(new RegExp(`${start}[\\s\\S]*${end}`), () => section)
    : `${text}\n${section}\n`;
  await writeFile(page, found);
}

const preamble = `# Performance

Measured by \`./run bench NAME\`, which writes its section anew: every contestant once a round, in turn, on the same
files in the same run; medians of the rounds, and ratios. The machines are noisy: read the ratios, not the seconds.
`;

/** What it ran on, e.g. for the line above a table. */
export function machineLine(): string {
  const processors = cpus();
  const memory = Math.round(totalmem() / 1024 ** 3);
  return `${processors.length} x ${processors[0]?.model ?? 'unknown processor'}, ${memory} GiB, Linux ${release()}, Node ${process.versions.node}`;
}

/** The first line a command prints, e.g. a version; `not installed` when it is not. */
export function firstLine(command: string, args: readonly string[]): string {
  try {
    return execFileSync(command, args, { encoding: 'utf8' }).split('\n')[0]?.trim() ?? '';
  } catch {
    return 'not installed';
  }
}
