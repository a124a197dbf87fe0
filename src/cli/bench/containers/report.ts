import type { Sample } from '../measure.ts';
import { machineLine } from '../report.ts';
import type { Subject } from './blobs.ts';

/** The most that V8's heap of a host may grow to. */
export const heapMb = 128;
export const fullSizes: readonly number[] = [10_000, 100_000];

export interface Figures {
  readonly subject: Subject;
  /** The listing alone, by a script. */
  readonly listingSeconds: number;
  readonly samples: ReadonlyMap<string, Sample>;
}

export function reportLines(figures: readonly Figures[]): string[] {
  const jobTypes = [...(figures[0]?.samples.keys() ?? [])];
  const column = (cell: (figure: Figures) => string) => figures.map((figure) => ` ${cell(figure)} |`).join('');
  return [
    `## Inventories of containers`,
    '',
    `\`./run bench containers\`, 1 round, ${machineLine()}. Blobs of 0 to 99 bytes in Azurite on the same machine, a durable`,
    `PostgreSQL; submit to completed, each job in a host started for it with a heap of ${heapMb} MB at most; peak resident`,
    'memory of that host and its GDAL process, which is idle. The summaries were compared with what was uploaded.',
    ...madeLines(figures),
    '',
    `| |${column(({ subject }) => `${subject.count.toLocaleString('en')} blobs`)}`,
    `|---|${column(() => '---').replaceAll(' ', '')}`,
    `| the listing alone, by a script |${column(({ listingSeconds }) => `${listingSeconds.toFixed(1)} s`)}`,
    ...jobTypes.map((jobType) => `| ${jobType} |${column(({ samples }) => sampleCell(samples.get(jobType)))}`),
  ];
}

function madeLines(figures: readonly Figures[]): string[] {
  const made = figures.flatMap(({ subject: { count, madeSeconds } }) =>
    madeSeconds === null ? [] : [`${count.toLocaleString('en')} in ${madeSeconds.toFixed(0)} s`],
  );
  return made.length > 0 ? [`Uploading the blobs took: ${made.join(', ')}.`] : [];
}

function sampleCell(sample: Sample | undefined): string {
  return sample ? `${sample.seconds.toFixed(1)} s, ${sample.peakMiB} MiB` : '–';
}
