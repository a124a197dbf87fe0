import type { TokenCredential } from '@azure/identity';
import { CoreMachineError } from '../../core/errors.ts';

/** https://learn.microsoft.com/azure/postgresql/flexible-server/how-to-configure-sign-in-azure-ad-authentication */
const scope = 'https://ossrdbms-aad.database.windows.net/.default';

/**
 * The `password` of a connection that signs in with Microsoft Entra, asked for each time one is made. The
 * credential keeps a token until shortly before it runs out. Throws DATABASE_UNAVAILABLE when there is none to be had.
 */
export function entraPassword(credential: TokenCredential): () => Promise<string> {
  return async () => {
    try {
      const token = await credential.getToken(scope);
      if (token) return token.token;
    } catch (cause) {
      throw new CoreMachineError('DATABASE_UNAVAILABLE', 'no Entra token for the database', { cause });
    }
    throw new CoreMachineError('DATABASE_UNAVAILABLE', 'no Entra token for the database');
  };
}
