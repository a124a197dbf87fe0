import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import {
  addonFile,
  addonKey,
  addonPackage,
  bundledGdalVersion,
  gdalProgramsVersion,
  type LoadedGdal,
  loadGdal,
  systemGdalVersion,
} from './gdal-addon.ts';
import { nodeHeaders } from './node-headers.ts';
import { userCacheFolder } from './paths.ts';
import { step } from './step.ts';
import { onPath, type SystemPackage } from './system-packages.ts';
import { runTool } from './tool.ts';

const answerLimitMs = 20_000;
const downloadLimitMs = 300_000;
const nodePreGyp = join(addonPackage, 'node_modules/@mapbox/node-pre-gyp/bin/node-pre-gyp');

/** The bundled sources take some 18 minutes on two cores, so they are built only for who asks. */
const fromSource = process.env.COREMACHINE_GDAL_FROM_SOURCE === '1';

/** What building the addon against the system's GDAL takes. */
export const gdalBuildPackages: readonly SystemPackage[] = [
  { apt: 'libgdal-dev', brew: 'gdal', present: () => onPath('gdal-config') },
  { apt: 'g++', brew: null, present: () => onPath('c++') },
  { apt: 'make', brew: null, present: () => onPath('make') },
  { apt: 'python3', brew: 'python', present: () => onPath('python3') },
];

/** `any`: whichever there is. `programs`: the GDAL that its programs are of, since tests compare with what they make. */
export type WantedGdal = 'any' | 'programs';

/** Tries the ways that take seconds: it loads already, an earlier build is kept, a prebuilt one can be fetched. */
export async function gdalWithoutBuild(wanted: WantedGdal): Promise<boolean> {
  const fits = await fitting(wanted);
  const loaded = await loadGdal();
  if (loaded && fits(loaded)) return true;
  if (await restoreKept(fits)) return true;
  return fits({ version: bundledGdalVersion(), bundled: true }) && !fromSource && (await fetchPrebuilt());
}

/** An addon on the system's GDAL goes with its programs; one that is built anew would be no other. */
async function fitting(wanted: WantedGdal): Promise<(gdal: LoadedGdal) => boolean> {
  if (fromSource) return ({ bundled }) => bundled;
  if (wanted === 'any') return () => true;
  const programs = await gdalProgramsVersion();
  return ({ version, bundled }) => !bundled || version === programs;
}

/** Builds the addon and keeps it for the user's other clones. */
export async function buildGdal(): Promise<void> {
  if (fromSource) {
    await step('Building gdal-async with its bundled GDAL, as COREMACHINE_GDAL_FROM_SOURCE asks (about 18 min)', () =>
      build(['--shared_gdal=false']),
    );
  } else {
    const version = await systemGdalVersion();
    await step(`Building gdal-async against this system's GDAL ${version} (about 80 s)`, () =>
      build(['--shared_gdal=true']),
    );
  }
  await keepAddon();
}

async function build(options: readonly string[]): Promise<void> {
  const headers = await nodeHeaders();
  const where = headers === null ? [] : [`--nodedir=${headers}`];
  await runTool(process.execPath, [nodePreGyp, 'rebuild', ...options, ...where, '--jobs=max'], {
    log: 'gdal-build',
    cwd: addonPackage,
  });
  if ((await loadGdal()) === null) throw new Error(`gdal-async was built but does not load; see ${addonFile}`);
  rmSync(join(addonPackage, 'build'), { recursive: true, force: true });
}

async function restoreKept(fits: (gdal: LoadedGdal) => boolean): Promise<boolean> {
  const system = fromSource ? null : await systemGdalVersion();
  for (const gdal of ['bundled', ...(system === null ? [] : [system])]) {
    const kept = join(userCacheFolder, addonKey(gdal), 'gdal.node');
    if (!existsSync(kept)) continue;
    copyWhole(kept, addonFile);
    const loaded = await loadGdal();
    if (loaded && fits(loaded)) return true;
    rmSync(addonFile);
  }
  return false;
}

async function keepAddon(): Promise<void> {
  const loaded = await loadGdal();
  const gdal = loaded?.bundled ? 'bundled' : await systemGdalVersion();
  if (gdal === null) return;
  copyWhole(addonFile, join(userCacheFolder, addonKey(gdal), 'gdal.node'));
}

/** Copy and rename, so that nobody ever loads half a file. */
function copyWhole(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  const fresh = `${to}.${process.pid}`;
  copyFileSync(from, fresh);
  renameSync(fresh, to);
}

/** The project's own prebuilt addon, GDAL inside, where its host answers and has one for this platform. */
async function fetchPrebuilt(): Promise<boolean> {
  if (!(await prebuiltExists())) return false;
  try {
    await step('Fetching the prebuilt gdal-async', () =>
      runTool(process.execPath, [nodePreGyp, 'install'], {
        log: 'gdal-prebuilt',
        cwd: addonPackage,
        timeoutMs: downloadLimitMs,
      }),
    );
  } catch {
    return false;
  }
  if ((await loadGdal()) === null) return false;
  await keepAddon();
  return true;
}

async function prebuiltExists(): Promise<boolean> {
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [nodePreGyp, 'reveal'], { cwd: addonPackage });
    const { hosted_tarball: address } = JSON.parse(stdout) as { hosted_tarball: string };
    // The host answers a redirect for a file that is there; following it would need another method than HEAD.
    const signal = AbortSignal.timeout(answerLimitMs);
    const answer = await fetch(address, { method: 'HEAD', redirect: 'manual', signal });
    return answer.status < 400;
  } catch {
    return false;
  }
}
