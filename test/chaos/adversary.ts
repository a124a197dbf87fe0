import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import type { FaultyProxy } from '../tools/faulty-proxy.ts';
import type { Arena } from './arena.ts';
import type { Action, Plan } from './plan.ts';

/**
 * Does what a plan says, at its times. Resolves when everything is over: all workers run, the emulator answers. Answers
 * which of its actions struck, once each time; `kill at` and `freeze at` the fleet tells.
 */
export async function storm(arena: Arena, plan: Plan): Promise<Action['kind'][]> {
  const adversary = new Adversary(arena);
  const struck: Action['kind'][] = [];
  await Promise.all(
    plan.actions.map(async (action) => {
      await wait(action.atMs);
      if (await adversary.act(action, plan.stormMs - action.atMs)) struck.push(action.kind);
    }),
  );
  await arena.fleet.ready(plan.workers);
  return struck;
}

class Adversary {
  readonly #arena: Arena;
  /** One emulator: a second restart waits for the first. */
  #restarting: Promise<void> = Promise.resolve();

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  /** `leftMs`: what is left of the storm. False when the action met nobody, or its worker tells by itself. */
  async act(action: Action, leftMs: number): Promise<boolean> {
    if (action.kind === 'restart emulator') return this.#restartEmulator(action.downMs);
    if (action.kind === 'lock table') return this.#lockTable(action);
    const berth = this.#arena.fleet.berth(action.worker);
    if (berth.state !== 'up') return false;
    switch (action.kind) {
      case 'kill':
        return berth.replace(action.downMs);
      case 'kill at':
        berth.order({ kind: 'strike', instant: action.instant, how: 'kill' });
        await berth.goneWithin(leftMs);
        return false;
      case 'freeze':
        return berth.freeze(action.ms);
      case 'freeze at':
        berth.order({ kind: 'strike', instant: action.instant, how: 'freeze' });
        if (await berth.freezesWithin(leftMs)) await berth.freeze(action.ms);
        return false;
      case 'end connections':
        return this.#endConnections(berth.name);
      case 'lose answers':
        return loseAnswers(berth.proxy, action.ms);
    }
  }

  async #endConnections(of: string): Promise<boolean> {
    const { rowCount } = await this.#arena.pool.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE application_name = $1 AND datname = current_database()`,
      [of],
    );
    return Number(rowCount) > 0;
  }

  async #restartEmulator(downMs: number): Promise<boolean> {
    const before = this.#restarting;
    const restart = async () => {
      await before;
      await this.#arena.killEmulator();
      await wait(downMs);
      await this.#arena.startEmulator();
    };
    this.#restarting = restart();
    await this.#restarting;
    return true;
  }

  async #lockTable({ table, mode, ms }: Extract<Action, { kind: 'lock table' }>): Promise<boolean> {
    const client = await this.#arena.pool.connect();
    try {
      await client.query('BEGIN');
      await client.query(`LOCK TABLE ${table} IN ${mode} MODE`);
      await wait(ms);
      return true;
    } catch (error) {
      // Of a deadlock with a worker the server picks the victim.
      if (!(error instanceof pg.DatabaseError && error.code === '40P01')) throw error;
      return false;
    } finally {
      await client.query('ROLLBACK');
      client.release();
    }
  }
}

/** What the worker asks in this time is done, and it never hears of it. */
async function loseAnswers(proxy: FaultyProxy, ms: number): Promise<boolean> {
  const before = proxy.struck;
  proxy.fault = { afterBytes: 0, how: 'stall' };
  await wait(ms);
  proxy.cutAll();
  proxy.fault = null;
  return proxy.struck > before;
}
