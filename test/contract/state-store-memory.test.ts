import { MemoryStateStore } from '../../core/testing/memory-state-store.ts';
import { stateStoreContract } from './state-store.ts';

stateStoreContract('memory', async () => {
  const store = new MemoryStateStore();
  return { store, other: store, close: async () => {} };
});
