import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

export const projectRoot = resolve(import.meta.dirname, '../../..');

/** What set-up makes for this clone; safe to delete. */
export const cacheFolder = join(projectRoot, '.cache');

export const logFolder = join(cacheFolder, 'logs');

/** What set-up keeps for all clones of this user, such as built addons. */
export const userCacheFolder = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'coremachine');
