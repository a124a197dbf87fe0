import { BlobServiceClient } from '@azure/storage-blob';
import { uniqueContainerName } from './azurite.ts';

/** `{prefix}00000.tif`, `{prefix}00001.tif` … */
export function numbered(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${String(index).padStart(5, '0')}.tif`);
}

/** A new container with blobs of three bytes, which are no rasters; its name. */
export async function filledContainer(connection: string, names: readonly string[]): Promise<string> {
  const client = BlobServiceClient.fromConnectionString(connection).getContainerClient(uniqueContainerName('many'));
  await client.create();
  const left = [...names];
  const upload = async () => {
    for (let name = left.pop(); name !== undefined; name = left.pop()) {
      await client.getBlockBlobClient(name).upload('tif', 3);
    }
  };
  await Promise.all(Array.from({ length: 16 }, upload));
  return client.containerName;
}

export async function removeContainer(connection: string, name: string): Promise<void> {
  await BlobServiceClient.fromConnectionString(connection).getContainerClient(name).deleteIfExists();
}
