import { parseArgs } from 'node:util';
import { BlobServiceClient, ContainerSASPermissions } from '@azure/storage-blob';
import { startStack } from '../local/stack/stack.ts';
import { commandLine, wholeNumber } from './command-line.ts';
import { ensurePgstacSql } from './setup/pgstac.ts';
import { templateFolder } from './template-folder.ts';

const help = `./run start [--data FOLDER | --memory] [--port 7071]
  --data FOLDER  where jobs, blobs and messages are kept (default .data); delete it to start anew
  --memory       keep nothing
  --port N       port of the HTTP API
DATABASE_URL, SERVICE_BUS_CONNECTION and STORAGE_CONNECTION replace the embedded part by a real one; FUNCTION_KEY is the
API's key instead of the one in FOLDER/function-key.`;

const values = commandLine(help, readOptions);

const given = connectionsFromEnvironment();
const stack = await startStack({
  dataFolder: values.memory ? null : values.data,
  logFolder: '.cache/logs',
  env: given,
  pgstacSql: await ensurePgstacSql(),
  templateFolder,
  httpPort: values.httpPort,
  fixedPorts: true,
  hostOutput: 'inherit',
  say: (line) => console.log(`  ${line}`),
}).catch((error: unknown) => {
  console.error(`start failed: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
});
console.log(`
CoreMachine listens on ${stack.url}/api
  function key: ${stack.functionKey}
  try:  curl -s -X POST '${stack.url}/api/jobs/submit/hello_world?code=${encodeURIComponent(stack.functionKey)}' -H 'content-type: application/json' -d '{"n": 5}'${await uploadLine()}
Ctrl-C drains and stops everything.
`);

let stopping = false;
// Whoever read the output is gone, with a closed terminal for example: no reason to end without draining.
for (const output of [process.stdout, process.stderr]) output.on('error', () => {});
const stop = async (why: string, code: number) => {
  if (stopping) return;
  stopping = true;
  console.log(`\n${why}: draining`);
  await stack.stop();
  console.log('stopped');
  process.exit(code);
};
process.on('SIGINT', () => void stop('interrupted', 0));
process.on('SIGTERM', () => void stop('terminated', 0));
process.on('SIGHUP', () => void stop('terminal closed', 0));
void stack.broken.then((name) => stop(`${name} ended unexpectedly; see .cache/logs`, 1));

/** @throws Error for the user, where something is wrong with the command line. */
function readOptions() {
  const { values } = parseArgs({
    options: {
      data: { type: 'string', default: '.data' },
      memory: { type: 'boolean', default: false },
      port: { type: 'string', default: '7071' },
    },
  });
  return { ...values, httpPort: wholeNumber('--port', values.port, 0, 65_535) };
}

/** Whatever of our settings the caller's environment has goes to the host as it is. */
function connectionsFromEnvironment(): Record<string, string | undefined> {
  const { DATABASE_URL, SERVICE_BUS_CONNECTION, STORAGE_CONNECTION } = process.env;
  return { DATABASE_URL, SERVICE_BUS_CONNECTION, STORAGE_CONNECTION };
}

/** How to put a file where jobs find it, by curl alone: an address that is signed for a container of the embedded storage. */
async function uploadLine(): Promise<string> {
  const connection = stack.settings.STORAGE_CONNECTION;
  if (given.STORAGE_CONNECTION || !connection) return '';
  const container = BlobServiceClient.fromConnectionString(connection).getContainerClient('bronze');
  await container.createIfNotExists();
  const expiresOn = new Date(Date.now() + 365 * 24 * 3600_000);
  const url = new URL(
    await container.generateSasUrl({ permissions: ContainerSASPermissions.parse('rcwl'), expiresOn }),
  );
  url.pathname += '/scene.tif';
  return `\n  a file for container bronze:  curl -T scene.tif -H 'x-ms-blob-type: BlockBlob' '${url}'`;
}
