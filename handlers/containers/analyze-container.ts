import { z } from 'zod';
import { defineHandler } from '../../core/handler.ts';
import { listFiltered } from './filter.ts';
import { inventoryParameters } from './parameters.ts';
import { bytesPerMb, inGb } from './sizes.ts';
import { FileTally } from './tally.ts';

const namedFile = z.object({ name: z.string(), size_mb: z.number() }).nullable();
const sizeClasses = ['0-10MB', '10-100MB', '100MB-1GB', '1GB-10GB', '10GB+'] as const;
/** Upper ends, themselves in the next class. */
const upperMb = [10, 100, 1024, 10 * 1024];

const output = z.object({
  analysis_timestamp: z.string(),
  summary: z.object({
    total_files: z.int(),
    total_size_bytes: z.int(),
    total_size_gb: z.number(),
    largest_file: namedFile,
    smallest_file: namedFile,
    file_types: z.record(z.string(), z.object({ count: z.int(), total_size_gb: z.number() })),
    size_distribution: z.record(z.enum(sizeClasses), z.int()),
    date_range: z.object({ oldest_file: z.string().nullable(), newest_file: z.string().nullable() }),
  }),
  execution_info: z.object({
    files_scanned: z.int().describe('Blobs looked at.'),
    files_filtered: z.int().describe('Of these, left out by the filter.'),
    scan_duration_seconds: z.number(),
    hit_file_limit: z.boolean().describe('There are more than were counted.'),
  }),
});

/** Counts as the listing streams by: memory does not grow with the container. */
export const analyzeContainer = defineHandler('analyze_container', {
  description: 'Counts, sizes, kinds and dates of all blobs of a container, from its listing.',
  input: inventoryParameters,
  output,
  limits: { timeoutSeconds: 6 * 3600 },
  async run({ container_name, file_limit, filter }, { services, signal }) {
    const started = Date.now();
    const tally = new FileTally();
    const sizes = new SizeClasses();
    const dates = new DateRange();
    const scan = { files_scanned: 0, files_filtered: 0, hit_file_limit: false };
    for await (const { blob, wanted } of listFiltered(services.blobs, container_name, filter, signal)) {
      scan.hit_file_limit = wanted && tally.count === file_limit;
      if (scan.hit_file_limit) break;
      scan.files_scanned += 1;
      if (!wanted) {
        scan.files_filtered += 1;
        continue;
      }
      tally.add(blob);
      sizes.add(blob.sizeBytes);
      dates.add(blob.lastModified);
    }
    return {
      analysis_timestamp: new Date().toISOString(),
      summary: {
        total_files: tally.count,
        total_size_bytes: tally.bytes,
        total_size_gb: inGb(tally.bytes),
        largest_file: tally.largestFile,
        smallest_file: tally.smallestFile,
        file_types: tally.byExtension(({ count, bytes }) => ({ count, total_size_gb: inGb(bytes) })),
        size_distribution: sizes.counts(),
        date_range: dates.range(),
      },
      execution_info: { ...scan, scan_duration_seconds: (Date.now() - started) / 1000 },
    };
  },
});

class SizeClasses {
  readonly #counts = sizeClasses.map(() => 0);

  add(bytes: number): void {
    const found = upperMb.findIndex((upper) => bytes < upper * bytesPerMb);
    const place = found === -1 ? upperMb.length : found;
    this.#counts[place] = (this.#counts[place] ?? 0) + 1;
  }

  counts(): Record<(typeof sizeClasses)[number], number> {
    const [a = 0, b = 0, c = 0, d = 0, e = 0] = this.#counts;
    return { '0-10MB': a, '10-100MB': b, '100MB-1GB': c, '1GB-10GB': d, '10GB+': e };
  }
}

class DateRange {
  #oldest = Infinity;
  #newest = -Infinity;

  add(date: Date): void {
    this.#oldest = Math.min(this.#oldest, date.getTime());
    this.#newest = Math.max(this.#newest, date.getTime());
  }

  range() {
    if (this.#oldest > this.#newest) return { oldest_file: null, newest_file: null };
    return { oldest_file: new Date(this.#oldest).toISOString(), newest_file: new Date(this.#newest).toISOString() };
  }
}
