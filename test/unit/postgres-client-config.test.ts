import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { TokenCredential } from '@azure/identity';
import { CoreMachineError } from '../../core/errors.ts';
import { clientConfig } from '../../infrastructure/postgres/client-config.ts';
import { entraPassword } from '../../infrastructure/postgres/entra.ts';

const base = 'postgresql://app:secret@db.example.org:6432/geo';

/** A credential that gives these answers in turn. */
function credentialOf(...answers: (string | null | Error)[]): TokenCredential & { readonly asked: unknown[] } {
  const asked: unknown[] = [];
  return {
    asked,
    async getToken(scopes) {
      asked.push(scopes);
      const answer = answers.shift() ?? null;
      if (answer instanceof Error) throw answer;
      return answer === null ? null : { token: answer, expiresOnTimestamp: Date.now() + 3_600_000 };
    },
  };
}

function problemOf(url: string): string {
  try {
    clientConfig({ url });
  } catch (error) {
    assert.ok(error instanceof CoreMachineError);
    assert.equal(error.code, 'CONFIGURATION_INVALID');
    return error.message;
  }
  return assert.fail(`${url} was accepted`);
}

describe('the database URL', () => {
  test('its parts', () => {
    const { host, port, database, user, password, ssl } = clientConfig({ url: base });
    assert.deepEqual(
      [host, port, database, user, password, ssl],
      ['db.example.org', 6432, 'geo', 'app', 'secret', false],
    );
  });

  test('the usual port, no password, both spellings of the scheme', () => {
    const config = clientConfig({ url: 'postgres://app@localhost/geo' });
    assert.equal(config.port, 5432);
    assert.ok(!('password' in config));
  });

  test('escaped characters and IPv6 addresses', () => {
    const config = clientConfig({ url: 'postgresql://a%40b:p%2F%25%3A@[::1]:5433/my%20db' });
    assert.deepEqual([config.user, config.password, config.host, config.database], ['a@b', 'p/%:', '::1', 'my db']);
  });

  test('a folder of a Unix socket', () => {
    assert.equal(clientConfig({ url: 'postgresql://app@localhost/geo?host=/run/postgresql' }).host, '/run/postgresql');
  });

  test('names of connections can be chosen', () => {
    assert.equal(clientConfig({ url: base }).application_name, 'coremachine');
    assert.equal(clientConfig({ url: base, applicationName: 'worker-3' }).application_name, 'worker-3');
  });

  test('what is wrong with it is said without showing it', () => {
    const wrong = {
      'not a url': /form/,
      'http://app:hunter2@host/db': /form/,
      'postgresql://app:hunter2@host': /database/,
      'postgresql://app:hunter2@host/': /database/,
      'postgresql://host/db': /user/,
      'postgresql://app:hunter2@host/db?sslmod=disable': /unknown option sslmod/,
      'postgresql://app:hunter2@host/db?sslmode=maybe': /sslmode/,
      'postgresql://app:hunter2%@host/db': /percent/,
    };
    for (const [url, expected] of Object.entries(wrong)) {
      const problem = problemOf(url);
      assert.match(problem, expected, url);
      assert.doesNotMatch(problem, /hunter2/);
    }
  });
});

describe('TLS', () => {
  const sslOf = (mode: string) => clientConfig({ url: `${base}?sslmode=${mode}` }).ssl;

  test('each sslmode', () => {
    assert.equal(sslOf('disable'), false);
    assert.deepEqual(sslOf('no-verify'), { rejectUnauthorized: false });
    for (const mode of ['require', 'verify-ca', 'verify-full'])
      assert.deepEqual(sslOf(mode), { rejectUnauthorized: true });
  });

  test('an authority of one’s own, with and without the host name', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'coremachine-ca-'));
    try {
      const file = join(folder, 'ca.pem');
      await writeFile(file, 'CERTIFICATE');
      const options = `sslrootcert=${encodeURIComponent(file)}`;
      const full = clientConfig({ url: `${base}?sslmode=verify-full&${options}` }).ssl;
      assert.deepEqual(full, { rejectUnauthorized: true, ca: 'CERTIFICATE' });
      const ca = clientConfig({ url: `${base}?sslmode=verify-ca&${options}` }).ssl;
      assert.ok(typeof ca === 'object' && ca.checkServerIdentity);
      assert.equal(ca.ca, 'CERTIFICATE');
    } finally {
      await rm(folder, { recursive: true });
    }
    assert.match(problemOf(`${base}?sslmode=verify-full&sslrootcert=/no/such/file`), /cannot be read/);
  });
});

describe('signing in with Entra', () => {
  const url = 'postgresql://app@db.example.org/geo';

  test('the password is asked for each time, and the connection is encrypted unless said otherwise', async () => {
    const credential = credentialOf('first', 'second');
    const { password, ssl } = clientConfig({ url, auth: 'entra', credential });
    assert.deepEqual(ssl, { rejectUnauthorized: true });
    assert.ok(typeof password === 'function');
    assert.deepEqual([await password(), await password()], ['first', 'second']);
    assert.deepEqual(credential.asked, Array(2).fill('https://ossrdbms-aad.database.windows.net/.default'));
    assert.equal(clientConfig({ url: `${url}?sslmode=disable`, auth: 'entra', credential }).ssl, false);
  });

  test("a password in the URL does not go before the token, and nobody's token is asked for at the start", () => {
    const { password } = clientConfig({ url: base, auth: 'entra' });
    assert.equal(typeof password, 'function');
  });

  test('no token: the database is unavailable, with the reason', async () => {
    const reason = new Error('no identity here');
    const ask = entraPassword(credentialOf(reason, null));
    await assert.rejects(ask(), (error: unknown) => {
      assert.ok(error instanceof CoreMachineError);
      assert.deepEqual([error.code, error.retryable, error.cause], ['DATABASE_UNAVAILABLE', true, reason]);
      return true;
    });
    await assert.rejects(ask(), { code: 'DATABASE_UNAVAILABLE' });
  });
});
