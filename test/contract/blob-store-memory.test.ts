import { after } from 'node:test';
import { MemoryBlobStore } from '../../infrastructure/blob/memory-blob-store.ts';
import { blobStoreContract } from './blob-store.ts';

const store = new MemoryBlobStore();
after(() => store.close());

blobStoreContract('memory', async () => store);
