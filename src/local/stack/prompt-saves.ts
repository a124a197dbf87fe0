import { createRequire } from 'node:module';

/** What is used of LokiJS, in which Azurite keeps its indexes: the blobs' and that of the files they are in. */
interface Loki {
  autosave: boolean;
  autosaveHandle: NodeJS.Timeout;
  autosaveDirty(): boolean;
  saveDatabase(done: (error: unknown) => void): void;
}

const lookMs = 100;
/** An index is written as a whole. Writing it takes a tenth of the time at most, and this is Azurite's own pause. */
const pauseShare = 9;
const longestPauseMs = 5000;

const underWay = new Set<Promise<void>>();

/**
 * Azurite saves its indexes every 5 s: what was stored since is lost when it is killed, though the database may say that a
 * job made it. With this, before Azurite is loaded, a change is saved within a tenth of a second, in a folder of very many
 * blobs within ten times of what the writing takes.
 */
export function saveIndexesPromptly(): void {
  const azurite = createRequire(import.meta.url).resolve('azurite/dist/src/blob/main.js');
  const { prototype } = createRequire(azurite)('lokijs') as { prototype: Loki & { autosaveEnable(): void } };
  prototype.autosaveEnable = function (this: Loki) {
    this.autosave = true;
    this.autosaveHandle = setInterval(saver(this), lookMs);
  };
}

/** Resolves when no index is being written: an index that is closed meanwhile takes what is being written for saved. */
export async function indexesSaved(): Promise<void> {
  await Promise.all(underWay);
}

function saver(index: Loki): () => void {
  let pauseUntil = 0;
  return () => {
    const begun = performance.now();
    if (begun < pauseUntil || !index.autosaveDirty()) return;
    pauseUntil = Number.POSITIVE_INFINITY;
    const { promise, resolve } = Promise.withResolvers<void>();
    underWay.add(promise);
    index.saveDatabase((error) => {
      // As Azurite has it: an index that cannot be written ends the process.
      if (error) throw error;
      const ended = performance.now();
      pauseUntil = ended + Math.min(longestPauseMs, pauseShare * (ended - begun));
      underWay.delete(promise);
      resolve();
    });
  };
}
