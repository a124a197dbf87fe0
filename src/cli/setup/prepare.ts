import { buildGdal, gdalBuildPackages, gdalWithoutBuild } from './gdal.ts';
import { withSetupLock } from './lock.ts';
import { ensurePackages } from './packages.ts';
import { ensurePgstacSql } from './pgstac.ts';
import { postgresPackages } from './postgres-programs.ts';
import { ensureTestPython, pythonPackages } from './python.ts';
import { ensureSystemPackages, mayInstall, onPath, type SystemPackage } from './system-packages.ts';

/**
 * How much a command needs. `packages`: node_modules. `app`: also GDAL and pgSTAC's SQL. `tests`: also a PostgreSQL
 * server with PostGIS, GDAL's programs and a Python environment, which serve as second opinions.
 */
export const levels = ['packages', 'app', 'tests'] as const;
export type Level = (typeof levels)[number];

const gdalPrograms: readonly SystemPackage[] = [
  { apt: 'gdal-bin', brew: 'gdal', present: () => onPath('gdalinfo') && onPath('gdalwarp') },
];
const testPackages: readonly SystemPackage[] = [...postgresPackages, ...gdalPrograms, ...pythonPackages];

/** Gets the project ready for a command. What is ready already costs only the look. */
export async function prepare(level: Level): Promise<void> {
  await withSetupLock(async () => {
    await ensurePackages();
    if (level === 'packages') return;
    const built = await gdalWithoutBuild(level === 'tests' ? 'programs' : 'any');
    // All in one call, so that who has to type it types one command.
    await ensureSystemPackages([...(built ? [] : gdalBuildPackages), ...needed(level)]);
    if (!built) await buildGdal();
    await ensurePgstacSql();
    if (level === 'tests') await ensureTestPython();
  });
}

/** pgSTAC comes through Python's pip: worth an install that asks nobody, not worth stopping `./run demo` for. */
function needed(level: Level): readonly SystemPackage[] {
  if (level === 'tests') return testPackages;
  return mayInstall() ? pythonPackages : [];
}
