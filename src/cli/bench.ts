import { parseArgs } from 'node:util';
import { benchCollection } from './bench/collection.ts';
import { benchContainers } from './bench/containers/containers.ts';
import { benchEngine } from './bench/engine/engine.ts';
import { benchGrowth } from './bench/engine/growth.ts';
import { benchProfile } from './bench/engine/profile-run.ts';
import { benchLarge } from './bench/large.ts';
import { benchRaster } from './bench/raster.ts';
import { benchSubmits } from './bench/submits.ts';
import { benchVector } from './bench/vector.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '3' },
    only: { type: 'string' },
    sizes: { type: 'string' },
    sides: { type: 'string', default: '10000,40000' },
    scale: { type: 'string', default: '1' },
    finished: { type: 'string', default: '5000000' },
  },
});
const rounds = Number(values.rounds);
const sizes = values.sizes?.split(',').map(Number);
const benches: Readonly<Record<string, () => Promise<void>>> = {
  collection: () => benchCollection(rounds),
  large: () => benchLarge(values.sides.split(',').map(Number)),
  containers: () => benchContainers(sizes),
  growth: () => benchGrowth({ rounds, finished: Number(values.finished) }),
  profile: benchProfile,
  raster: () => benchRaster(rounds),
  submits: benchSubmits,
  vector: () => benchVector(rounds, Number(values.scale)),
  engine: () =>
    benchEngine({ rounds, only: values.only?.split(',') ?? null, sizes: sizes ?? [100, 1000, 5000, 20_000] }),
};

const name = positionals[0];
const bench = benches[name ?? ''];
if (!bench) {
  console.log(`./run bench NAME [--rounds N]\n  names: ${Object.keys(benches).join(', ')}
  containers: --sizes 1000,5000 for a smaller try (writes nothing)
  engine: --only core_machine,pg_boss,… (writes nothing), --sizes 100,1000,…
  large: --sides 10000,20000,… in pixels, each a multiple of 10,000
  vector: --scale 0.05 for a smaller try (writes nothing)
  growth: --finished TASKS
  profile: CoreMachine alone under V8's profiler; in .cache/bench/profile`);
  process.exit(name === undefined ? 0 : 2);
}
await bench();
