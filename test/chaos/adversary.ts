import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import type { Arena } from './arena.ts';
import type { Action, Plan } from './plan.ts';

/** Does what a plan says, at its times. Resolves when everything is over: all workers run, the emulator answers. */
export async function storm(arena: Arena, plan: Plan): Promise<void> {
  const adversary = new Adversary(arena);
  await Promise.all(
    plan.actions.map(async (action) => {
      await wait(action.atMs);
      await adversary.act(action, plan.stormMs - action.atMs);
    }),
  );
  await arena.fleet.ready(plan.workers);
}

class Adversary {
  readonly #arena: Arena;
  /** One emulator: a second restart waits for the first. */
  #restarting: Promise<void> = Promise.resolve();

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  /** `leftMs`: what is left of the storm. */
  async act(action: Action, leftMs: number): Promise<void> {
    if (action.kind === 'restart emulator') return this.#restartEmulator(action.downMs);
    if (action.kind === 'lock table') return this.#lockTable(action);
    const berth = this.#arena.fleet.berth(action.worker);
    if (berth.state !== 'up') return;
    switch (action.kind) {
      case 'kill':
        return berth.replace(action.downMs);
      case 'kill at':
        berth.order({ kind: 'strike', instant: action.instant, how: 'kill' });
        return berth.goneWithin(leftMs);
      case 'freeze':
        return berth.freeze(action.ms);
      case 'freeze at':
        berth.order({ kind: 'strike', instant: action.instant, how: 'freeze' });
        if (await berth.freezesWithin(leftMs)) await berth.freeze(action.ms);
        return;
      case 'end connections':
        await this.#arena.pool.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE application_name = $1 AND datname = current_database()`,
          [berth.name],
        );
        return;
      case 'lose answers':
        // What the worker asks in this time is done, and it never hears of it.
        berth.proxy.fault = { afterBytes: 0, how: 'stall' };
        await wait(action.ms);
        berth.proxy.cutAll();
        berth.proxy.fault = null;
    }
  }

  async #restartEmulator(downMs: number): Promise<void> {
    const before = this.#restarting;
    const restart = async () => {
      await before;
      await this.#arena.killEmulator();
      await wait(downMs);
      await this.#arena.startEmulator();
    };
    this.#restarting = restart();
    return this.#restarting;
  }

  async #lockTable({ table, mode, ms }: Extract<Action, { kind: 'lock table' }>): Promise<void> {
    const client = await this.#arena.pool.connect();
    try {
      await client.query('BEGIN');
      await client.query(`LOCK TABLE ${table} IN ${mode} MODE`);
      await wait(ms);
    } catch (error) {
      // Of a deadlock with a worker the server picks the victim.
      if (!(error instanceof pg.DatabaseError && error.code === '40P01')) throw error;
    } finally {
      await client.query('ROLLBACK');
      client.release();
    }
  }
}
