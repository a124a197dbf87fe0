import { after, before, describe } from 'node:test';
import { testCallbacks } from './state-store-callbacks.ts';
import { testJobEnds } from './state-store-ends.ts';
import { testLists } from './state-store-lists.ts';
import { testMoves } from './state-store-moves.ts';
import { testPlans } from './state-store-plans.ts';
import { testRaces } from './state-store-races.ts';
import { testRetries } from './state-store-retries.ts';
import { testStages } from './state-store-stages.ts';
import { testSubmit } from './state-store-submit.ts';
import { testTasks } from './state-store-tasks.ts';
import type { StateStorePair } from './state-store-tools.ts';
import { testUpkeep } from './state-store-upkeep.ts';

/** What every implementation of the state store port promises. */
export function stateStoreContract(name: string, makeStore: () => Promise<StateStorePair>): void {
  describe(`state store: ${name}`, () => {
    let pair: StateStorePair | undefined;
    before(async () => {
      pair = await makeStore();
    });
    after(async () => {
      await pair?.close();
    });
    const stores = () => {
      if (!pair) throw new Error('the store was not made');
      return pair;
    };
    testSubmit(stores);
    testStages(stores);
    testPlans(stores);
    testTasks(stores);
    testJobEnds(stores);
    testRaces(stores);
    testLists(stores);
    testUpkeep(stores);
    testCallbacks(stores);
    testRetries(stores);
    testMoves(stores);
  });
}
