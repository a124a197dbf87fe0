import { readFileSync } from 'node:fs';
import type { TokenCredential } from '@azure/identity';
import type { ClientConfig } from 'pg';
import { CoreMachineError } from '../../core/errors.ts';
import { processIdentity } from '../azure/identity.ts';
import { entraPassword } from './entra.ts';

export interface PostgresConfig {
  /**
   * `postgresql://user[:password]@host[:port]/database[?sslmode=…&sslrootcert=…]`; `&host=/folder` for a Unix socket.
   * sslmode: `disable`; `no-verify` (encrypted, any certificate); `verify-ca` (with sslrootcert: signed by it, for any
   * host name); `require`, `verify-full` (certificate and host name checked). Default: `disable`, with `entra`
   * `verify-full`.
   */
  readonly url: string;
  /** `entra`: signs in with a token instead of the URL's password. Default `password`. */
  readonly auth?: 'password' | 'entra';
  /** Whose token. Default: the identity of this process. */
  readonly credential?: TokenCredential;
  /** Connections at most. Default 10. */
  readonly poolSize?: number;
  /** Milliseconds until a connection must be there, a new one or one of the pool's. Default 10,000. */
  readonly connectTimeoutMs?: number;
  /** Milliseconds one statement may take. Default 30,000. */
  readonly statementTimeoutMs?: number;
  /** Milliseconds after which the state store stores that a message was sent; 0: before the sender goes on. Default 250. */
  readonly marksWaitMs?: number;
  /** How the connections are named in pg_stat_activity. Default `coremachine`. */
  readonly applicationName?: string;
}

const knownOptions = new Set(['host', 'sslmode', 'sslrootcert']);

/**
 * What the driver needs to connect. Throws CONFIGURATION_INVALID, without the URL's text: it may hold a password.
 *
 * The driver could read the URL itself, but lets an absent password in it go before the token, and warns on every start
 * of Azure's usual `sslmode=require`.
 */
export function clientConfig(config: PostgresConfig): ClientConfig {
  const url = parseUrl(config.url);
  const entra = config.auth === 'entra';
  const password = entra ? entraPassword(config.credential ?? processIdentity()) : decoded(url.password);
  return {
    host: url.searchParams.get('host') ?? (decoded(url.hostname).replace(/^\[(.*)\]$/, '$1') || 'localhost'),
    port: url.port ? Number(url.port) : 5432,
    database: decoded(url.pathname.slice(1)),
    user: decoded(url.username),
    ...(password !== '' && { password }),
    ssl: sslOf(url.searchParams, entra ? 'verify-full' : 'disable'),
    application_name: config.applicationName ?? 'coremachine',
    // A peer that vanished without a word is noticed within about 20 s instead of two hours.
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    connectionTimeoutMillis: config.connectTimeoutMs ?? 10_000,
  };
}

function parseUrl(text: string): URL {
  const url = URL.parse(text);
  if (!url || !/^postgres(ql)?:$/.test(url.protocol))
    throw invalid('is not of the form postgresql://user@host/database');
  if (url.pathname.length < 2) throw invalid('names no database');
  if (!url.username) throw invalid('names no user');
  const unknown = [...url.searchParams.keys()].filter((name) => !knownOptions.has(name));
  if (unknown.length > 0) throw invalid(`has an unknown option ${unknown.join(', ')}`);
  return url;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw invalid('has a malformed percent-escape');
  }
}

function sslOf(options: URLSearchParams, otherwise: string): ClientConfig['ssl'] {
  const file = options.get('sslrootcert');
  const checked = { rejectUnauthorized: true, ...(file && { ca: readCertificate(file) }) };
  switch (options.get('sslmode') ?? otherwise) {
    case 'disable':
      return false;
    case 'no-verify':
      return { rejectUnauthorized: false };
    case 'verify-ca':
      // Any public authority signs for anybody: only with one's own can the host name be left out.
      return file ? { ...checked, checkServerIdentity: () => undefined } : checked;
    case 'require':
    case 'verify-full':
      return checked;
    default:
      throw invalid('has an unknown sslmode; known are disable, no-verify, require, verify-ca, verify-full');
  }
}

function readCertificate(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new CoreMachineError('CONFIGURATION_INVALID', `the sslrootcert ${file} cannot be read`, { cause });
  }
}

function invalid(problem: string): CoreMachineError {
  return new CoreMachineError('CONFIGURATION_INVALID', `the database URL ${problem}`);
}
