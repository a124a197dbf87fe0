import { parseArgs } from 'node:util';
import { benchCollection } from './bench/collection.ts';
import { benchContainers } from './bench/containers/containers.ts';
import { benchEngine } from './bench/engine/engine.ts';
import { benchGrowth } from './bench/engine/growth.ts';
import { benchProfile } from './bench/engine/profile-run.ts';
import { benchLarge } from './bench/large.ts';
import { benchLists } from './bench/lists.ts';
import { benchRaster } from './bench/raster.ts';
import { benchSubmits } from './bench/submits.ts';
import { benchVector } from './bench/vector.ts';
import { commandLine, wholeNumber } from './command-line.ts';

const help = `./run bench NAME [--rounds 3]
  NAME: collection, containers, engine, growth, large, lists, profile, raster, submits, vector
  containers: --sizes 1000,5000 for a smaller try (writes nothing)
  engine: --only core_machine,pg_boss,… (writes nothing), --sizes 100,1000,…
  large: --sides 10000,20000,… in pixels, each a multiple of 10,000
  vector: --scale 0.05 for a smaller try (writes nothing)
  growth: --finished TASKS
  profile: CoreMachine alone under V8's profiler; in .cache/bench/profile`;

const bench = commandLine(help, chosenBench);
await bench();

function chosenBench(): () => Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      rounds: { type: 'string', default: '3' },
      only: { type: 'string' },
      sizes: { type: 'string' },
      sides: { type: 'string', default: '10000,20000,40000' },
      scale: { type: 'string', default: '1' },
      finished: { type: 'string', default: '5000000' },
    },
  });
  const rounds = wholeNumber('--rounds', values.rounds, 1, 1000);
  const finished = wholeNumber('--finished', values.finished, 0, 1e9);
  const only = values.only?.split(',') ?? null;
  const sizes = values.sizes === undefined ? undefined : wholeNumbers('--sizes', values.sizes);
  const scale = Number(values.scale);
  if (!(scale > 0 && scale <= 1)) throw new Error(`--scale takes a number above 0, up to 1, not ${values.scale}`);
  const sides = wholeNumbers('--sides', values.sides);
  const benches: Readonly<Record<string, () => Promise<void>>> = {
    collection: () => benchCollection(rounds),
    large: () => benchLarge(sides),
    lists: () => benchLists(rounds),
    containers: () => benchContainers(sizes),
    growth: () => benchGrowth({ rounds, finished }),
    profile: benchProfile,
    raster: () => benchRaster(rounds),
    submits: benchSubmits,
    vector: () => benchVector(rounds, scale),
    engine: () => benchEngine({ rounds, only, sizes: sizes ?? [100, 1000, 5000, 20_000] }),
  };
  const [name = ''] = positionals;
  const chosen = benches[name];
  if (!chosen) throw new Error(name === '' ? 'Which benchmark?' : `There is no benchmark ${name}.`);
  return chosen;
}

function wholeNumbers(name: string, text: string): number[] {
  return text.split(',').map((one) => wholeNumber(name, one, 1, 1e9));
}
