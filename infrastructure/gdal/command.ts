import { CoreMachineError } from '../../core/errors.ts';
import type { GdalSource } from '../../core/ports/blob-store.ts';
import type { GdalCommand } from '../../core/ports/gdal.ts';
import type { PlainCommand } from './protocol.ts';

type Options = Readonly<Record<string, string>>;

/** Flags that only the command-line programs know: they open the files themselves. */
const programOnly: ReadonlySet<string> = new Set(['-oo', '-doo', '-if']);

const remotePath = /\/vsi(?:az|adls|curl|s3|gs)(?:_streaming)?\//;

/** For reading over the network. */
const remoteOptions: Options = {
  // A blob is one file: no listing of its folder, no requests for .aux.xml, .ovr, .tfw and the like beside it.
  GDAL_DISABLE_READDIR_ON_OPEN: 'EMPTY_DIR',
  VSI_CACHE: 'TRUE',
};

export function sourcesOf(command: GdalCommand): readonly GdalSource[] {
  if ('file' in command) return [];
  return command.tool === 'gdalbuildvrt' ? command.sources : [command.source];
}

/** The file that a command makes; null when it makes none. */
export function destinationOf(command: GdalCommand): string | null {
  return 'destination' in command ? command.destination : null;
}

/** The command without configuration, and the configuration that its `--config` flags name. */
export function toPlain(command: GdalCommand): { plain: PlainCommand; config: Options } {
  if (command.tool === 'statistics' || command.tool === 'geotransform') return { plain: command, config: {} };
  const { args, config } = splitConfig(command.tool, command.args);
  switch (command.tool) {
    case 'gdaladdo':
    case 'pyramid':
      return { plain: { ...command, args }, config };
    case 'gdalbuildvrt': {
      const sources = command.sources.map((source) => source.path);
      return { plain: { tool: command.tool, sources, destination: command.destination, args }, config };
    }
    case 'gdalinfo':
      return { plain: { tool: command.tool, source: command.source.path, args }, config };
    default: {
      const { tool, source, destination } = command;
      return { plain: { tool, source: source.path, destination, args }, config };
    }
  }
}

/**
 * What the operation on these sources is configured with; later ones win: what reading over the network wants, the
 * sources' own options, the caller's. Throws RASTER_UNSUPPORTED when two sources need different values.
 */
export function mergeOptions(sources: readonly GdalSource[], ...callers: readonly (Options | undefined)[]): Options {
  const remote = sources.some(({ path, refersTo = path }) => isRemote(refersTo));
  const own: Record<string, string> = {};
  for (const [name, value] of sources.flatMap((source) => Object.entries(source.config))) {
    if ((own[name] ?? value) !== value) {
      throw new CoreMachineError('RASTER_UNSUPPORTED', `The sources of one command differ in ${name}`);
    }
    own[name] = value;
  }
  return Object.assign({}, remote ? remoteOptions : {}, own, ...callers);
}

export function isRemote(path: string): boolean {
  return remotePath.test(path);
}

function splitConfig(tool: string, args: readonly string[]): { args: readonly string[]; config: Options } {
  const kept: string[] = [];
  const config: Record<string, string> = {};
  for (let index = 0; index < args.length; index += 1) {
    const flag = args[index] ?? '';
    if (programOnly.has(flag)) throw new CoreMachineError('RASTER_UNSUPPORTED', `${tool}: ${flag} is not available`);
    if (flag === '--config') {
      const [name, value] = [args[index + 1], args[index + 2]];
      if (name !== undefined && value !== undefined) config[name] = value;
      index += 2;
    } else kept.push(flag);
  }
  return { args: kept, config };
}
