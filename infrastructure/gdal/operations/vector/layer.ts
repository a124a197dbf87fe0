import gdal, { type Dataset, type Layer } from 'gdal-async';
import { messageOf, OperationError } from '../operation-error.ts';
import { VectorProblem } from './problem.ts';

/** Opens with one of the given drivers only: GDAL has others that follow references or go by content. */
export function openVector(path: string, drivers: readonly string[]): Dataset {
  const inside = insideOf(path);
  const known = drivers.filter((name) => gdal.drivers.getNames().includes(name));
  let failure: unknown = new Error(`this GDAL has no driver ${drivers.join(', ')}`);
  // One after the other: of two that can, GDAL would take the one it knows longer.
  for (const driver of known) {
    try {
      return gdal.open(inside, 'r', [driver]);
    } catch (error) {
      failure = error;
    }
  }
  throw new OperationError('open', messageOf(failure), { path, cause: failure });
}

/** A zipped shapefile may lie in a folder of its archive; several of them in one folder are layers of it. */
function insideOf(path: string): string {
  if (!path.endsWith('.zip')) return path;
  const root = `/vsizip/${path}`;
  const files = shapefilesIn(root, '', 0);
  const folders = new Set(files.map((file) => file.slice(0, file.lastIndexOf('/') + 1)));
  if (files.length === 0) throw new OperationError('open', 'The archive holds no shapefile', { path });
  const [file = ''] = files;
  if (files.length === 1) return `${root}/${file}`;
  if (folders.size === 1) return `${root}/${[...folders][0]}`;
  throw new VectorProblem('LAYER_NOT_FOUND', 'the archive holds shapefiles in several folders; give it one of them');
}

const deepest = 5;

function shapefilesIn(root: string, below: string, depth: number): string[] {
  const entries = gdal.fs.readDir(`${root}/${below}`) ?? [];
  return entries.flatMap((entry) => {
    const name = `${below}${entry}`;
    if (/(?:^|\/)__MACOSX\//.test(`${name}/`)) return [];
    if (/\.shp$/i.test(name)) return [name];
    if (depth >= deepest || /\.[a-z0-9]{1,4}$/i.test(name)) return [];
    return shapefilesIn(root, `${name.replace(/\/$/, '')}/`, depth + 1);
  });
}

/** The layer asked for, or the first that has geometries. Of several in an archive, one must be asked for. */
export function layerOf(dataset: Dataset, wanted: string | null, path: string): Layer {
  const layers = dataset.layers.map((layer) => layer);
  const names = layers.map(({ name }) => name);
  if (wanted !== null) {
    const found = layers.find(({ name }) => name === wanted);
    if (found) return found;
    throw new VectorProblem('LAYER_NOT_FOUND', `there is no layer ${JSON.stringify(wanted)}`, names);
  }
  if (path.endsWith('.zip') && layers.length > 1) {
    throw new VectorProblem('LAYER_NOT_FOUND', 'the archive holds several shapefiles; name one in layer_name', names);
  }
  const first = layers.find(({ geomType }) => geomType !== gdal.wkbNone);
  if (first) return first;
  throw new VectorProblem('NO_GEOMETRY', layers.length === 0 ? 'the file has no layer' : 'no layer has geometries');
}
