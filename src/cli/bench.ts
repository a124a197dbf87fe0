import { parseArgs } from 'node:util';
import { benchRaster } from './bench/raster.ts';

const benches = { raster: benchRaster } as const;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '3' } },
});
const name = positionals[0];
if (name !== 'raster') {
  console.log(`./run bench NAME [--rounds N]\n  names: ${Object.keys(benches).join(', ')}`);
  process.exit(name === undefined ? 0 : 2);
}
await benches[name](Number(values.rounds));
