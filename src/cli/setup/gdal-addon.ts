import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { projectRoot } from './paths.ts';

const run = promisify(execFile);

/** The package's folder; its addon lies in `lib/binding/<abi>-<platform>-<arch>/gdal.node`. */
export const addonPackage = join(projectRoot, 'node_modules/gdal-async');

const platformKey = `node-v${process.versions.modules}-${process.platform}-${process.arch}`;

export const addonFile = join(addonPackage, 'lib/binding', platformKey, 'gdal.node');

export interface LoadedGdal {
  readonly version: string;
  /** True when GDAL itself is inside the addon, false when it is the system's. */
  readonly bundled: boolean;
}

/** Loads the addon in a process of its own: a bad one may take its process down. Null when it does not load. */
export async function loadGdal(): Promise<LoadedGdal | null> {
  const script = `const g = require('gdal-async'); console.log(JSON.stringify({ version: g.version, bundled: g.bundled }))`;
  try {
    const { stdout } = await run(process.execPath, ['-e', script], { cwd: projectRoot, timeout: 30_000 });
    return JSON.parse(stdout) as LoadedGdal;
  } catch {
    return null;
  }
}

/** Version of the system's GDAL development files, null when there are none. */
export async function systemGdalVersion(): Promise<string | null> {
  try {
    return (await run('gdal-config', ['--version'])).stdout.trim();
  } catch {
    return null;
  }
}

/** Version of GDAL's programs; null when there are none. */
export async function gdalProgramsVersion(): Promise<string | null> {
  try {
    const { stdout } = await run('gdalinfo', ['--version']);
    return /^GDAL (\d+\.\d+\.\d+)/.exec(stdout)?.[1] ?? null;
  } catch {
    return null;
  }
}

/** Version of the GDAL whose sources are in the package, and which is inside of its prebuilt addons. */
export function bundledGdalVersion(): string {
  const header = readFileSync(join(addonPackage, 'deps/libgdal/gdal/gcore/gdal_version.h'), 'utf8');
  const part = (name: string) => new RegExp(`define +GDAL_VERSION_${name} +(\\d+)`).exec(header)?.[1];
  return ['MAJOR', 'MINOR', 'REV'].map(part).join('.');
}

/** Everything an addon depends on, as one folder name: a mismatch in any part means another addon. */
export function addonKey(gdal: string): string {
  const { version } = JSON.parse(readFileSync(join(addonPackage, 'package.json'), 'utf8')) as { version: string };
  return `gdal-async-${version}-gdal-${gdal}-${platformKey}`;
}
