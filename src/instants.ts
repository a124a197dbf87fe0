import { type InstantName, type Instants, instantNames } from '../core/instants.ts';

/**
 * For crash tests: `COREMACHINE_CRASH_AT=result-stored` (or `result-stored@2` for stage 2 only) makes the process kill
 * itself there, as kill -9 would. Unset, as it always is in production, the instants do nothing.
 */
export function crashInstants(setting: string | undefined): Instants {
  if (!setting) return () => {};
  const [name, stage] = setting.split('@');
  if (!instantNames.includes(name as InstantName)) {
    throw new Error(`COREMACHINE_CRASH_AT: ${name} is not one of ${instantNames.join(', ')}`);
  }
  return (reached, where) => {
    if (reached === name && (!stage || where.stage === Number(stage))) process.kill(process.pid, 'SIGKILL');
  };
}
