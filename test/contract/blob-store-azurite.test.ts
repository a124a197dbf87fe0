import { openBlobStore } from '../../infrastructure/blob/azure-blob-store.ts';
import { testStorage } from '../tools/azurite.ts';
import { blobStoreContract } from './blob-store.ts';

blobStoreContract('Azurite', async () => openBlobStore({ connection: await testStorage() }));
