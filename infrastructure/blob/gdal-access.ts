import {
  type BlobServiceClient,
  ContainerSASPermissions,
  generateBlobSASQueryParameters,
  SASProtocol,
  type UserDelegationKey,
} from '@azure/storage-blob';
import type { BlobRef, GdalSource } from '../../core/ports/blob-store.ts';

const hourMs = 3_600_000;
/** A source that is handed out works for at least `renewBeforeMs`: longer than any task may run. */
const keyLifeMs = 12 * hourMs;
const renewBeforeMs = 6 * hourMs;
/** The service's clock may be behind ours. */
const clockSkewMs = 15 * 60_000;

/**
 * How GDAL is to read blobs, besides credentials. Without a directory listing: GDAL trims the names in it (so a leading
 * space hides a file), stumbles over empty segments, keeps it for the life of the process, and pages through folders
 * of any size; nor are side files asked for one by one, dozens for each
 * opening: who knows that a raster has some names them.
 */
const readOptions = {
  GDAL_DISABLE_READDIR_ON_OPEN: 'EMPTY_DIR',
  GDAL_HTTP_MAX_RETRY: '5',
  GDAL_HTTP_RETRY_DELAY: '0.5',
  GDAL_HTTP_CONNECTTIMEOUT: '15',
  // Less than one byte a second for a minute is a dead connection.
  GDAL_HTTP_LOW_SPEED_LIMIT: '1',
  GDAL_HTTP_LOW_SPEED_TIME: '60',
} as const;

/** Makes what GDAL needs to open a blob by `/vsiaz/`. */
export interface GdalAccess {
  source(ref: BlobRef): Promise<GdalSource>;
}

/** GDAL reads the same connection strings as the SDK, in their long form. */
export function accessByConnectionString(connectionString: string): GdalAccess {
  return { source: async (ref) => sourceOf(ref, connectionString) };
}

/**
 * With an identity: a shared access signature for reading the one container, signed with a key that the service gives
 * to the identity (role Storage Blob Delegator). The key is shared by all containers and renewed halfway through.
 */
export class DelegatedAccess implements GdalAccess {
  readonly #service: BlobServiceClient;
  readonly #now: () => number;
  #key: Promise<DelegationKey> | null = null;

  constructor(service: BlobServiceClient, now: () => number = Date.now) {
    this.#service = service;
    this.#now = now;
  }

  async source(ref: BlobRef): Promise<GdalSource> {
    const { key, startsOn, expiresOn } = await this.#currentKey();
    const endpoint = this.#service.url.replace(/\/+$/, '');
    const values = {
      containerName: ref.container,
      permissions: ContainerSASPermissions.parse('r'),
      startsOn,
      expiresOn,
      protocol: endpoint.startsWith('https:') ? SASProtocol.Https : SASProtocol.HttpsAndHttp,
    };
    const signature = generateBlobSASQueryParameters(values, key, this.#service.accountName).toString();
    // This form, and not AZURE_STORAGE_ACCOUNT, also carries the endpoints of other clouds and of private links.
    return sourceOf(ref, `BlobEndpoint=${endpoint};SharedAccessSignature=${signature}`);
  }

  async #currentKey(): Promise<DelegationKey> {
    const asked = this.#key;
    const known = await asked;
    if (known && known.expiresOn.getTime() - this.#now() > renewBeforeMs) return known;
    // Of all that waited, the first one renews.
    if (this.#key === asked) this.#key = this.#fetchKey();
    return this.#key ?? this.#currentKey();
  }

  async #fetchKey(): Promise<DelegationKey> {
    const startsOn = new Date(this.#now() - clockSkewMs);
    const expiresOn = new Date(this.#now() + keyLifeMs);
    try {
      return { key: await this.#service.getUserDelegationKey(startsOn, expiresOn), startsOn, expiresOn };
    } catch (error) {
      this.#key = null;
      throw error;
    }
  }
}

interface DelegationKey {
  readonly key: UserDelegationKey;
  readonly startsOn: Date;
  readonly expiresOn: Date;
}

/** GDAL percent-encodes the name itself. */
function sourceOf(ref: BlobRef, connectionString: string): GdalSource {
  return {
    path: `/vsiaz/${ref.container}/${ref.name}`,
    config: { AZURE_STORAGE_CONNECTION_STRING: connectionString, ...readOptions },
  };
}
