import type { RunRef, TemporaryParts } from './job.ts';
import type { BlobStore } from './ports/blob-store.ts';

const deletedAtOnce = 8;
const jobIdPattern = /^[0-9a-f]{64}$/;

/** Where runs keep blobs while they work: each in its folder `{prefix}{job id}/{run}/`. */
export interface TemporaryBlobs extends TemporaryParts {
  readonly container: string;
  /** Ends with a slash. */
  folder(run: RunRef): string;
}

/** Blobs of runs, in a container that may hold other things outside of `prefix`, which is empty or ends with a slash. */
export function temporaryBlobs({ container, prefix = '' }: { container: string; prefix?: string }): TemporaryBlobs {
  const jobFolder = (jobId: string) => `${prefix}${jobId}/`;

  /** The job's id and run in a blob's name; null for what nobody here has written. */
  function runOf(name: string): RunRef | null {
    const [jobId = '', number] = name.slice(prefix.length).split('/');
    const run = Number(number);
    return jobIdPattern.test(jobId) && Number.isInteger(run) ? { jobId, run } : null;
  }

  return {
    container,
    folder: ({ jobId, run }) => `${jobFolder(jobId)}${run}/`,
    async remove({ jobId, run: last }, { blobs }) {
      if (!(await blobs.containerExists(container))) return;
      await deleteAll(blobs, { container, prefix: jobFolder(jobId) }, (name) => (runOf(name)?.run ?? Infinity) <= last);
    },
    async leftBehind({ blobs }, limit) {
      const found = new Map<string, RunRef>();
      if (!(await blobs.containerExists(container))) return [];
      for await (const { name } of blobs.list(container, { prefix })) {
        const ref = runOf(name);
        if (ref) found.set(`${ref.jobId}/${ref.run}`, ref);
        if (found.size === limit) break;
      }
      return [...found.values()];
    },
  };
}

async function deleteAll(
  blobs: BlobStore,
  { container, prefix }: { container: string; prefix: string },
  isWanted: (name: string) => boolean,
): Promise<void> {
  let batch: Promise<boolean>[] = [];
  for await (const { name } of blobs.list(container, { prefix })) {
    if (!isWanted(name)) continue;
    batch.push(blobs.delete({ container, name }));
    if (batch.length < deletedAtOnce) continue;
    await Promise.all(batch);
    batch = [];
  }
  await Promise.all(batch);
}
