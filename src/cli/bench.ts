import { parseArgs } from 'node:util';
import { benchEngine } from './bench/engine/engine.ts';
import { benchRaster } from './bench/raster.ts';

const benches = { raster: benchRaster, engine: benchEngine } as const;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '3' } },
});
const name = positionals[0];
if (name !== 'raster' && name !== 'engine') {
  console.log(`./run bench NAME [--rounds N]\n  names: ${Object.keys(benches).join(', ')}`);
  process.exit(name === undefined ? 0 : 2);
}
await benches[name](Number(values.rounds));
