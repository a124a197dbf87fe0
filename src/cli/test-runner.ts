import { commandLine } from './command-line.ts';
import { prepare } from './setup/prepare.ts';
import { parseSelection, type Selection } from './testing/arguments.ts';
import { checks, runCheck } from './testing/checks.ts';
import { inPool } from './testing/pool.ts';
import { closingReport, failedCount, progressText, type Reported } from './testing/report.ts';
import { type FileRun, runTestFile } from './testing/run-file.ts';
import { addressVariable, type RunningService, type ServiceName, startService } from './testing/service.ts';
import { findTestFiles, suites, type TestFile } from './testing/test-files.ts';

const help = `./run test [FILTER…] [--only NAME,…] [--concurrency N]
  FILTER         test files with this in their names, and no checks
  --only         of ${[...checks, ...suites].join(', ')}
  --concurrency  files at a time`;

/** `./run test`: types, lint, then every test file, and one closing line of counts. The exit code is the verdict. */
async function main(args: readonly string[]): Promise<number> {
  const selection = commandLine(help, () => parseSelection(args));
  const files = findTestFiles(selection.suites, selection.filters);
  if (files.length + selection.checks.length === 0) throw new Error('No test matches.');
  await prepare(levelFor(selection, files));
  const stop = stopOnSignal();
  const reported = await runAll(selection, files, stop);
  if (stop.aborted) return 130;
  console.log(closingReport(reported));
  return failedCount(reported) === 0 ? 0 : 1;
}

async function runAll(selection: Selection, files: readonly TestFile[], stop: AbortSignal): Promise<Reported[]> {
  const reported: Reported[] = [];
  const run = async (title: string, work: () => Promise<FileRun>) => {
    const start = performance.now();
    const one = { title, ...(await work()) };
    reported.push(one);
    console.log(progressText(one, (performance.now() - start) / 1000));
  };
  for (const check of selection.checks) {
    if (!stop.aborted) await run(check, async () => ({ outcome: await runCheck(check, stop), output: '' }));
  }
  const services = await startServices(files);
  try {
    await inPool(files, selection.concurrency, stop, ({ path }) =>
      run(path, () => runTestFile(path, { env: services.env, signal: stop })),
    );
  } finally {
    await Promise.all(services.running.map((service) => service.stop()));
  }
  return reported;
}

/** Unit tests use no service and no program; they and the checks can do without the slow part of set-up. */
function levelFor(selection: Selection, files: readonly TestFile[]): 'packages' | 'app' | 'tests' {
  if (files.some(({ suite }) => suite !== 'unit')) return 'tests';
  return selection.suites.length > 0 ? 'app' : 'packages';
}

/** One PostgreSQL and one blob store for all files; a service whose address is given already is not started. */
async function startServices(
  files: readonly TestFile[],
): Promise<{ env: NodeJS.ProcessEnv; running: readonly RunningService[] }> {
  const names: readonly ServiceName[] = files.some(({ suite }) => suite !== 'unit') ? ['postgres', 'azurite'] : [];
  const wanted = names.filter((name) => !process.env[addressVariable[name]]);
  const running = await Promise.all(wanted.map((name) => startService(name)));
  const env = Object.fromEntries(wanted.map((name, index) => [addressVariable[name], running[index]?.address]));
  return { env, running };
}

function stopOnSignal(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => controller.abort());
  return controller.signal;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(`\n${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
