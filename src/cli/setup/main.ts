import { levels, prepare } from './prepare.ts';

const level = levels.find((one) => one === process.argv[2]);
if (level === undefined) {
  process.stderr.write(`usage: node src/cli/setup/main.ts ${levels.join(' | ')}\n`);
  process.exitCode = 2;
} else {
  try {
    await prepare(level);
  } catch (error) {
    process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
