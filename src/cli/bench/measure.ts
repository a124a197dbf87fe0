import { spawn } from 'node:child_process';
import { MemoryProbe } from './memory.ts';

export interface Sample {
  readonly seconds: number;
  /** Peak resident memory of the process and its descendants. */
  readonly peakMiB: number;
}

/** Runs a command to its end; throws with its error output when it fails. */
export async function timeCommand(
  command: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Sample> {
  const started = performance.now();
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, ...env } });
  const probe = new MemoryProbe(child.pid === undefined ? [] : [child.pid]);
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-2000);
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  }).finally(() => probe.stop());
  const sample = { seconds: (performance.now() - started) / 1000, peakMiB: probe.stop() };
  if (code !== 0) throw new Error(`${command} ended with code ${code}: ${errors}`);
  return sample;
}

export function addSamples(first: Sample, second: Sample): Sample {
  return { seconds: first.seconds + second.seconds, peakMiB: Math.max(first.peakMiB, second.peakMiB) };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
}

export interface Contestant {
  readonly name: string;
  run(round: number): Promise<Sample>;
}

export interface Outcome {
  readonly name: string;
  readonly samples: readonly Sample[];
  readonly medianSeconds: number;
  readonly peakMiB: number;
}

/** Every contestant once a round, in turn, so that a slow minute of the machine hits them alike. */
export async function compete(
  contestants: readonly Contestant[],
  rounds: number,
  say: (line: string) => void,
): Promise<Outcome[]> {
  const samples = new Map<string, Sample[]>(contestants.map(({ name }) => [name, []]));
  for (let round = 1; round <= rounds; round += 1) {
    for (const contestant of contestants) {
      const sample = await contestant.run(round);
      samples.get(contestant.name)?.push(sample);
      say(
        `round ${round}/${rounds}  ${contestant.name.padEnd(44)} ${sample.seconds.toFixed(2)} s  ${sample.peakMiB} MiB`,
      );
    }
  }
  return [...samples].map(([name, list]) => ({
    name,
    samples: list,
    medianSeconds: median(list.map(({ seconds }) => seconds)),
    peakMiB: Math.max(...list.map(({ peakMiB }) => peakMiB)),
  }));
}
