import type { RegisteredFunction } from '../functions-core.ts';
import { type InvocationHost, invoke } from '../invoke.ts';
import { InFlight, type Listener } from '../listener.ts';
import { describeError, hostLine } from '../log.ts';
import { longTimeout } from '../running-invocations.ts';
import type { Schedule } from './ncrontab.ts';
import type { ScheduleMonitor, ScheduleStatus } from './schedule-monitor.ts';

export interface TimerFunction {
  readonly functionName: string;
  readonly registered: RegisteredFunction;
  readonly triggerName: string;
  readonly schedule: Schedule;
  readonly runOnStartup: boolean;
  readonly useMonitor: boolean;
}

type Reason = 'due' | 'missed' | 'startup';

const never = '0001-01-01T00:00:00.000Z';
/** Schedules with shorter intervals are not monitored. Source: TimerTriggerAttribute.UseMonitor. */
const shortestMonitoredMs = 60_000;

/**
 * One timer trigger. Runs never overlap: the next occurrence is counted from the start of a run, and one that passed
 * meanwhile runs at once, however many passed.
 */
export class TimerListener implements Listener {
  readonly #timer: TimerFunction;
  readonly #invocations: InvocationHost;
  readonly #monitor: ScheduleMonitor | null;
  readonly #inFlight = new InFlight();
  #status: ScheduleStatus;
  #armed: { cancel(): void } | null = null;
  #paused = false;

  constructor(timer: TimerFunction, invocations: InvocationHost, monitor: ScheduleMonitor | null) {
    this.#timer = timer;
    this.#invocations = invocations;
    this.#monitor = monitor && timer.useMonitor && isMonitored(timer.schedule) ? monitor : null;
    this.#status = { last: never, next: timer.schedule.next(new Date()).toISOString(), lastUpdated: never };
  }

  async start(): Promise<void> {
    const missed = await this.#recall(new Date());
    if (missed) this.#arm(0, 'missed');
    else if (this.#timer.runOnStartup) this.#arm(0, 'startup');
    else this.#armNext();
  }

  async pause(): Promise<void> {
    this.#paused = true;
    this.#armed?.cancel();
  }

  idle(): Promise<void> {
    return this.#inFlight.idle();
  }

  async close(): Promise<void> {}

  /** Takes over the recorded status; true when the occurrence it expected has passed. */
  async #recall(now: Date): Promise<boolean> {
    const recorded = (await this.#monitor?.read(this.#timer.functionName)) ?? null;
    if (!recorded) {
      this.#status = { ...this.#status, lastUpdated: now.toISOString() };
      await this.#remember();
      return false;
    }
    const base = recorded.last === never ? recorded.lastUpdated : recorded.last;
    const expected = this.#timer.schedule.next(new Date(base));
    // Another `next` than this schedule gives was recorded by an older schedule and says nothing about this one.
    this.#status = { ...recorded, next: expected.toISOString() };
    if (recorded.next !== this.#status.next) await this.#remember();
    return expected <= now;
  }

  #armNext(): void {
    this.#arm(Date.parse(this.#status.next) - Date.now(), 'due');
  }

  #arm(delayMs: number, reason: Reason): void {
    if (this.#paused) return;
    this.#armed = longTimeout(() => {
      this.#inFlight.track(() => this.#run(reason)).catch((error: unknown) => this.#report(error));
    }, delayMs);
  }

  async #run(reason: Reason): Promise<void> {
    const started = new Date();
    try {
      await this.#invoke(reason === 'missed');
    } catch {
      // Logged by `invoke`; a failed run does not stop the schedule.
    }
    // A timeout may fire a little early; counted from then, the same occurrence would come twice.
    const due = new Date(this.#status.next);
    const last = reason === 'due' && due > started ? due : started;
    this.#status = {
      last: last.toISOString(),
      next: this.#timer.schedule.next(last).toISOString(),
      lastUpdated: last.toISOString(),
    };
    this.#armNext();
    await this.#remember();
  }

  async #remember(): Promise<void> {
    await this.#monitor?.write(this.#timer.functionName, this.#status).catch((error: unknown) => this.#report(error));
  }

  async #invoke(isPastDue: boolean): Promise<void> {
    const { last, next, lastUpdated } = this.#status;
    // In the spelling of .NET; the library puts the names into camel case.
    const timerInfo = {
      Schedule: { AdjustForDST: true },
      ScheduleStatus: { Last: last, Next: next, LastUpdated: lastUpdated },
      IsPastDue: isPastDue,
    };
    await invoke(this.#invocations, {
      function: this.#timer.registered,
      triggerName: this.#timer.triggerName,
      trigger: { json: JSON.stringify(timerInfo) },
    });
  }

  #report(error: unknown): void {
    hostLine(
      this.#invocations.log,
      'error',
      `The timer failed in the host: ${describeError(error)}`,
      this.#timer.functionName,
    );
  }
}

function isMonitored(schedule: Schedule): boolean {
  const first = schedule.next(new Date());
  return schedule.next(first).getTime() - first.getTime() >= shortestMonitoredMs;
}
