import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { SystemPackage } from './system-packages.ts';

const debianFolder = '/usr/lib/postgresql';

/** The newest PostgreSQL server of this machine that has PostGIS: the folder with `initdb` and `postgres`, or null. */
export function findPostgres(): string | null {
  return binFolders().find((folder) => existsSync(join(folder, 'initdb')) && hasPostgis(folder)) ?? null;
}

/** On Debian, PostGIS comes per PostgreSQL version: the one that is there already is taken. */
export const postgresPackages: readonly SystemPackage[] = [
  { apt: 'postgresql', brew: 'postgresql@17', present: () => binFolders().some(hasInitdb) },
  { apt: postgisPackage(), brew: 'postgis', present: () => findPostgres() !== null },
];

function postgisPackage(): string {
  const newest = debianVersions().find((version) => hasInitdb(join(debianFolder, version, 'bin')));
  return newest === undefined ? 'postgresql-postgis' : `postgresql-${newest}-postgis-3`;
}

function hasInitdb(folder: string): boolean {
  return existsSync(join(folder, 'initdb'));
}

function binFolders(): readonly string[] {
  const debian = debianVersions().map((version) => join(debianFolder, version, 'bin'));
  const configured = ask('pg_config', '--bindir');
  return configured === null ? debian : [...debian, configured];
}

function debianVersions(): readonly string[] {
  if (!existsSync(debianFolder)) return [];
  return readdirSync(debianFolder).sort((a, b) => Number(b) - Number(a));
}

function hasPostgis(binFolder: string): boolean {
  const shared = ask(join(binFolder, 'pg_config'), '--sharedir') ?? ask('pg_config', '--sharedir');
  return shared !== null && existsSync(join(shared, 'extension/postgis.control'));
}

function ask(program: string, option: string): string | null {
  const answer = spawnSync(program, [option], { encoding: 'utf8' });
  return answer.status === 0 ? answer.stdout.trim() : null;
}
