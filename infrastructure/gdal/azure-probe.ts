import type { BlobServiceClient as Client } from '@azure/storage-blob';
import { CoreMachineError } from '../../core/errors.ts';
import type { GdalSource } from '../../core/ports/blob-store.ts';
import { toStorageError } from '../blob/storage-error.ts';

const patienceMs = 15_000;

export type ProbeResult =
  /** The service gives this blob to these credentials. */
  { readonly found: true } | { readonly found: false; readonly error: CoreMachineError };

/**
 * Asks the storage service itself about a blob that GDAL could not open: GDAL's report is "HTTP error" (CPLE 11) for a
 * missing blob, refused credentials and an unreachable service alike. null when the path is no blob of `/vsiaz/`, or
 * the options are not ones that this knows.
 */
export async function probeBlob(source: GdalSource): Promise<ProbeResult | null> {
  const target = blobOf(source.path);
  const client = target && (await clientFor(source.config));
  if (!target || !client) return null;
  try {
    const blob = client.getContainerClient(target.container).getBlobClient(target.name);
    const { accessTier } = await blob.getProperties({ abortSignal: AbortSignal.timeout(patienceMs) });
    if (accessTier !== 'Archive') return { found: true };
    const message = `${target.container}/${target.name} is in the archive tier`;
    return { found: false, error: new CoreMachineError('FILE_UNREADABLE', message) };
  } catch (error) {
    return { found: false, error: asStorageError(error, target) };
  }
}

/** Also inside a subdataset's name, such as `NETCDF:"/vsiaz/raw/a.nc":rain`. */
function blobOf(path: string): { container: string; name: string } | null {
  const found = /\/vsi(?:az|adls)(?:_streaming)?\/([^/"]+)\/([^"]+)/.exec(path);
  return found?.[1] && found[2] ? { container: found[1], name: found[2] } : null;
}

/** The cause is left out: the SDK's errors hold the whole request. */
function asStorageError(error: unknown, target: { container: string; name: string }): CoreMachineError {
  const known = toStorageError(error, target);
  if (known instanceof CoreMachineError) return new CoreMachineError(known.code, known.message);
  return new CoreMachineError('STORAGE_UNAVAILABLE', `${target.container}/${target.name} could not be asked for`);
}

async function clientFor(config: Readonly<Record<string, string>>): Promise<Client | null> {
  const { BlobServiceClient, StorageSharedKeyCredential } = await import('@azure/storage-blob');
  const options = { retryOptions: { maxTries: 2, retryDelayInMs: 300, tryTimeoutInMs: patienceMs / 2 } };
  const { AZURE_STORAGE_CONNECTION_STRING: connection, AZURE_STORAGE_ACCOUNT: account } = config;
  if (connection) return BlobServiceClient.fromConnectionString(connection, options);
  if (!account) return null;
  const url = config.CPL_AZURE_ENDPOINT ?? `https://${account}.blob.core.windows.net`;
  const { AZURE_STORAGE_ACCESS_KEY: key, AZURE_STORAGE_ACCESS_TOKEN: token } = config;
  const signature = config.AZURE_STORAGE_SAS_TOKEN ?? config.AZURE_SAS;
  if (key) return new BlobServiceClient(url, new StorageSharedKeyCredential(account, key), options);
  if (token) {
    const credential = { getToken: async () => ({ token, expiresOnTimestamp: Date.now() + patienceMs * 4 }) };
    return new BlobServiceClient(url, credential, options);
  }
  return new BlobServiceClient(signature ? `${url}?${signature.replace(/^\?/, '')}` : url, undefined, options);
}
