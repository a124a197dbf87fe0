import type { ErrorDetail } from '../../core/errors.ts';
import { type RawSettings, type SettingName, settingsSchema } from './settings.ts';

export interface DatabaseConfig {
  /** Without a password when `auth` is `entra`. */
  readonly url: string;
  readonly auth: 'password' | 'entra';
  readonly poolSize: number;
}

/** A connection string, or a namespace that is reached with the process's identity. */
export type ServiceBusConfig = string | { readonly fullyQualifiedNamespace: string; readonly clientId?: string };

/** A connection string, or an account that is reached with the process's identity. */
export type StorageConfig = string | { readonly blobServiceUri: string };

type Given = Partial<Record<SettingName, string>>;

/** What no single setting can tell: missing halves and contradictions of the three connections. */
export function connectionProblems(given: Given): ErrorDetail[] {
  return [...databaseProblems(given), ...serviceBusProblems(given), ...queueProblems(given), ...storageProblems(given)];
}

export function databaseOf(settings: RawSettings): DatabaseConfig {
  const { DATABASE_AUTH: auth, DATABASE_POOL_SIZE: poolSize } = settings;
  return { url: settings.DATABASE_URL ?? urlFromParts(settings), auth, poolSize };
}

export function serviceBusOf(settings: RawSettings): ServiceBusConfig {
  if (settings.SERVICE_BUS_CONNECTION !== null) return settings.SERVICE_BUS_CONNECTION;
  const clientId = settings.SERVICE_BUS_CONNECTION__clientId ?? settings.AZURE_CLIENT_ID;
  return {
    fullyQualifiedNamespace: settings.SERVICE_BUS_CONNECTION__fullyQualifiedNamespace ?? '',
    ...(clientId !== null && { clientId }),
  };
}

export function storageOf(settings: RawSettings): StorageConfig {
  return settings.STORAGE_CONNECTION ?? { blobServiceUri: settings.STORAGE_CONNECTION__blobServiceUri ?? '' };
}

function urlFromParts(settings: RawSettings): string {
  const url = new URL('postgresql://host');
  // Unix sockets have no place in a URL's host; Azure has none either.
  url.hostname = settings.PGHOST ?? '';
  url.port = String(settings.PGPORT);
  url.username = encodeURIComponent(settings.PGUSER ?? '');
  if (settings.DATABASE_AUTH === 'password') url.password = encodeURIComponent(settings.PGPASSWORD ?? '');
  url.pathname = `/${encodeURIComponent(settings.PGDATABASE ?? '')}`;
  url.searchParams.set('sslmode', settings.PGSSLMODE);
  return url.href;
}

function databaseProblems(given: Given): ErrorDetail[] {
  const entra = given.DATABASE_AUTH === 'entra';
  if (given.DATABASE_URL !== undefined) return databaseUrlProblems(given.DATABASE_URL, entra);
  if (given.PGHOST === undefined) return [problem('DATABASE_URL', 'must be set (or PGHOST, PGDATABASE and PGUSER)')];
  const needed: SettingName[] = ['PGDATABASE', 'PGUSER', ...(entra ? [] : ['PGPASSWORD' as const])];
  const missing = needed.filter((name) => given[name] === undefined);
  return [
    ...missing.map((name) => problem(name, 'must be set when PGHOST is')),
    ...(entra && given.PGPASSWORD !== undefined
      ? [problem('PGPASSWORD', 'must not be set with DATABASE_AUTH=entra')]
      : []),
    ...(/[/\s@?#]/.test(given.PGHOST) ? [problem('PGHOST', 'must be a host name')] : []),
  ];
}

function databaseUrlProblems(value: string, entra: boolean): ErrorDetail[] {
  const url = URL.canParse(value) ? new URL(value) : null;
  if (url === null || !/^postgres(?:ql)?:$/.test(url.protocol)) {
    return [problem('DATABASE_URL', 'must be a postgresql:// URL')];
  }
  if (!entra) return [];
  return [
    ...(url.password ? [problem('DATABASE_URL', 'must not have a password with DATABASE_AUTH=entra')] : []),
    ...(url.username ? [] : [problem('DATABASE_URL', 'must name the role with DATABASE_AUTH=entra')]),
  ];
}

function serviceBusProblems(given: Given): ErrorDetail[] {
  const name = 'SERVICE_BUS_CONNECTION';
  const value = given.SERVICE_BUS_CONNECTION;
  const byIdentity = given.SERVICE_BUS_CONNECTION__fullyQualifiedNamespace !== undefined;
  if (value === undefined) {
    return byIdentity ? [] : [problem(name, 'must be set (or SERVICE_BUS_CONNECTION__fullyQualifiedNamespace)')];
  }
  const parts = connectionStringParts(value);
  const emulator = parts.get('UseDevelopmentEmulator');
  return [
    ...(byIdentity
      ? [problem(name, 'must not be set together with SERVICE_BUS_CONNECTION__fullyQualifiedNamespace')]
      : []),
    ...(/^sb:\/\/[^/]/.test(parts.get('Endpoint') ?? '') ? [] : [problem(name, 'must have Endpoint=sb://…')]),
    ...(hasKey(parts) ? [] : [problem(name, 'must have SharedAccessKeyName and SharedAccessKey')]),
    // The SDK compares with the exact text `true` and starts TLS for anything else.
    ...(emulator === undefined || emulator === 'true'
      ? []
      : [problem(name, 'must spell UseDevelopmentEmulator=true exactly so')]),
  ];
}

function queueProblems(given: Given): ErrorDetail[] {
  // Entity names are compared without case.
  const nameOf = (name: 'JOB_QUEUE_NAME' | 'TASK_QUEUE_NAME') => settingsSchema.shape[name].safeParse(given[name]).data;
  const [jobs, tasks] = [nameOf('JOB_QUEUE_NAME'), nameOf('TASK_QUEUE_NAME')];
  return jobs && jobs.toLowerCase() === tasks?.toLowerCase()
    ? [problem('TASK_QUEUE_NAME', 'must be another queue than JOB_QUEUE_NAME')]
    : [];
}

function storageProblems(given: Given): ErrorDetail[] {
  const name = 'STORAGE_CONNECTION';
  const value = given.STORAGE_CONNECTION;
  const byIdentity = given.STORAGE_CONNECTION__blobServiceUri !== undefined;
  if (value === undefined) {
    return byIdentity ? [] : [problem(name, 'must be set (or STORAGE_CONNECTION__blobServiceUri)')];
  }
  const parts = connectionStringParts(value);
  const usable =
    parts.get('UseDevelopmentStorage') === 'true' ||
    (parts.has('AccountName') && parts.has('AccountKey')) ||
    (parts.has('BlobEndpoint') && parts.has('SharedAccessSignature'));
  return [
    ...(byIdentity ? [problem(name, 'must not be set together with STORAGE_CONNECTION__blobServiceUri')] : []),
    ...(usable ? [] : [problem(name, 'must be the connection string of a storage account')]),
  ];
}

function hasKey(parts: ReadonlyMap<string, string>): boolean {
  return parts.has('SharedAccessSignature') || (parts.has('SharedAccessKeyName') && parts.has('SharedAccessKey'));
}

/** `A=1;B=2==` as a map; only the first `=` divides. */
function connectionStringParts(value: string): Map<string, string> {
  const pairs = value.split(';').map((part) => part.trim());
  return new Map(
    pairs.filter(Boolean).map((part) => {
      const at = part.indexOf('=');
      return at < 0 ? [part, ''] : [part.slice(0, at), part.slice(at + 1)];
    }),
  );
}

function problem(path: SettingName, message: string): ErrorDetail {
  return { path, message };
}
