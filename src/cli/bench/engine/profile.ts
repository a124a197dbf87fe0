import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The parts of a V8 CPU profile that are read here. Times are microseconds. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

export interface SelfTime {
  /** Function and place, e.g. `encode rhea/lib/frames.js:120`. */
  readonly place: string;
  readonly milliseconds: number;
  /** Of the time that the process was not idle. */
  readonly share: number;
}

const idle = '(idle)';

/** Functions by their own time, longest first. */
export function selfTimes(profile: CpuProfile, limit: number): SelfTime[] {
  const places = new Map(profile.nodes.map(({ id, callFrame }) => [id, placeOf(callFrame)]));
  const sums = new Map<string, number>();
  profile.samples.forEach((id, index) => {
    const place = places.get(id) ?? '';
    sums.set(place, (sums.get(place) ?? 0) + (profile.timeDeltas[index] ?? 0));
  });
  sums.delete(idle);
  const busy = [...sums.values()].reduce((sum, value) => sum + value, 0);
  return [...sums]
    .sort(([, a], [, b]) => b - a)
    .slice(0, limit)
    .map(([place, time]) => ({ place, milliseconds: time / 1000, share: time / busy }));
}

function placeOf({ functionName, url, lineNumber }: CpuProfile['nodes'][number]['callFrame']): string {
  if (functionName.startsWith('(') && url === '') return functionName;
  const file = url.replace(/^.*\/node_modules\//, '').replace(/^file:\/\/.*?\/(?=(core|src|infrastructure)\/)/, '');
  return `${functionName || '(anonymous)'} ${file}:${lineNumber + 1}`;
}

/** One table a process, longest self time first; the files are named by what the processes ran. */
export async function profileLines(folder: string, limit: number): Promise<string[]> {
  const lines: string[] = [];
  for (const name of (await readdir(folder)).filter((file) => file.endsWith('.cpuprofile')).sort()) {
    const profile = JSON.parse(await readFile(join(folder, name), 'utf8')) as CpuProfile;
    lines.push(`## ${entryOf(profile) ?? name}`, '', '| self ms | share | function |', '|---|---|---|');
    for (const { place, milliseconds, share } of selfTimes(profile, limit)) {
      lines.push(`| ${milliseconds.toFixed(0)} | ${(share * 100).toFixed(1)} % | ${place} |`);
    }
    lines.push('');
  }
  return lines;
}

/** The process's entry: the first of our child programs that appears. */
function entryOf({ nodes }: CpuProfile): string | undefined {
  return nodes.map(({ callFrame }) => /[\w-]+-(?:worker|process)\.ts$/.exec(callFrame.url)?.[0]).find(Boolean);
}
