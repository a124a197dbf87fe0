import { writeSync } from 'node:fs';
import { type InstantName, type Instants, instantNames } from '../core/instants.ts';

/**
 * For crash tests: `COREMACHINE_CRASH_AT=result-stored` (or `result-stored@2` for stage 2 only, `task-claimed@2+150` for
 * 150 ms later) makes the process kill itself there, as kill -9 would; of several, with commas between them, at the one
 * that comes first. It says which on stderr. Unset, as it always is in production, the instants do nothing.
 */
export function crashInstants(setting: string | undefined): Instants {
  if (!setting) return () => {};
  const moments = setting.split(',').map(parsed);
  return (reached, where) => {
    for (const { text, name, stage, afterMs } of moments) {
      if (reached !== name || (stage && where.stage !== Number(stage))) continue;
      if (afterMs) setTimeout(die, Number(afterMs), text);
      else die(text);
    }
  };
}

function parsed(text: string) {
  const [, name, stage, afterMs] = /^([a-z-]+)(?:@(\d+))?(?:\+(\d+))?$/.exec(text) ?? [];
  if (!instantNames.includes(name as InstantName)) {
    throw new Error(`COREMACHINE_CRASH_AT: ${text} is not at one of ${instantNames.join(', ')}`);
  }
  return { text, name, stage, afterMs };
}

function die(moment: string): void {
  writeSync(2, `killed at ${moment}\n`);
  process.kill(process.pid, 'SIGKILL');
}
