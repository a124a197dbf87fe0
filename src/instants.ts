import { type InstantName, type Instants, instantNames } from '../core/instants.ts';

/**
 * For crash tests: `COREMACHINE_CRASH_AT=result-stored` (or `result-stored@2` for stage 2 only, `task-claimed@2+150` for
 * 150 ms later) makes the process kill itself there, as kill -9 would. Unset, as it always is in production, the
 * instants do nothing.
 */
export function crashInstants(setting: string | undefined): Instants {
  if (!setting) return () => {};
  const [, name, stage, afterMs] = /^([a-z-]+)(?:@(\d+))?(?:\+(\d+))?$/.exec(setting) ?? [];
  if (!instantNames.includes(name as InstantName)) {
    throw new Error(`COREMACHINE_CRASH_AT: ${setting} is not at one of ${instantNames.join(', ')}`);
  }
  return (reached, where) => {
    if (reached !== name || (stage && where.stage !== Number(stage))) return;
    if (afterMs) setTimeout(die, Number(afterMs));
    else die();
  };
}

function die(): void {
  process.kill(process.pid, 'SIGKILL');
}
