import { toCoreMachineError } from '../core/errors.ts';
import type { UpkeepRun } from '../core/upkeep/index.ts';
import type { App } from './app.ts';

/** One run of the reconciler by the clock. A failure is logged: the next run starts from the same truth. */
export async function runUpkeep(app: App, run: UpkeepRun): Promise<void> {
  const started = performance.now();
  const durationMs = () => Math.round(performance.now() - started);
  try {
    const { scanned, fixed, actions } = await app.machine.upkeep(run);
    const first = actions.slice(0, 3).join('; ');
    app.log.info('Upkeep:Run', { run, scanned, fixed, durationMs: durationMs(), ...(first && { actions: first }) });
  } catch (error) {
    const { code, message } = toCoreMachineError(error);
    app.log.error('Upkeep:Failed', { run, code, message, durationMs: durationMs() });
  }
}
