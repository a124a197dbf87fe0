import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Log, silentLog } from '../../core/log.ts';
import type { Workspace } from '../../core/ports/workspace.ts';
import { Turns } from '../turns.ts';
import { mayBeAlive, ownMark, type ProcessMark } from './process-mark.ts';

export interface WorkspaceOptions {
  /** Made when missing; may be shared with other programs, such as the system's temporary folder. */
  readonly root: string;
  /** Told of folders that could not be removed. */
  readonly log?: Log;
  /** How many works that fill the disk go on at a time. Default: all. */
  readonly largeAtOnce?: number;
}

/**
 * Folders named `coremachine-<host>-<pid>-<start>-<label>-<random>` under `root`. Opening removes what processes of
 * this host left behind that are dead by now (killed, out of memory), and touches nothing else.
 */
export async function openWorkspace(options: WorkspaceOptions): Promise<Workspace> {
  const root = resolve(options.root);
  const log = options.log ?? silentLog;
  await mkdir(root, { recursive: true });
  await removeLeftovers(root, log);
  const prefix = join(root, folderPrefix(ownMark()));
  const turns = new Turns(options.largeAtOnce ?? Number.POSITIVE_INFINITY);
  const inFolder = async <T>(label: string, work: (folder: string) => Promise<T>): Promise<T> => {
    const folder = await mkdtemp(`${prefix}${safeLabel(label)}-`);
    try {
      return await work(folder);
    } finally {
      await remove(folder, log);
    }
  };
  return {
    async use(label, work, large) {
      if (!large) return inFolder(label, work);
      await turns.take(large.signal);
      try {
        return await inFolder(label, work);
      } finally {
        turns.give();
      }
    },
  };
}

function folderPrefix(mark: ProcessMark): string {
  return `coremachine-${mark.host}-${mark.pid}-${mark.start}-`;
}

function ownerOf(name: string): ProcessMark | null {
  const found = /^coremachine-([0-9a-f]{8})-(\d+)-(\d+)-/.exec(name);
  return found?.[1] ? { host: found[1], pid: Number(found[2]), start: Number(found[3]) } : null;
}

/** Labels come from job and task names; in a folder's name they are only for people. */
function safeLabel(label: string): string {
  return label.replaceAll(/[^A-Za-z0-9_]+/g, '_').slice(0, 40) || 'work';
}

async function removeLeftovers(root: string, log: Log): Promise<void> {
  const entries = await readdir(root, { withFileTypes: true });
  const left = entries.filter((entry) => {
    const owner = entry.isDirectory() ? ownerOf(entry.name) : null;
    return owner !== null && !mayBeAlive(owner);
  });
  await Promise.all(left.map((entry) => remove(join(root, entry.name), log)));
}

/** Never throws: a folder that cannot be removed must not cost the result of the work done in it. */
async function remove(folder: string, log: Log): Promise<void> {
  try {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'unknown';
    log.warn('System:Warning', { message: 'a workspace folder could not be removed', folder, reason });
  }
}
