import type { TokenCredential } from '@azure/identity';

/**
 * The identity this process runs under: managed identity in Azure, the developer's sign-in elsewhere. The library is
 * loaded when the first token is asked for; a stack with connection strings never pays for it.
 */
export function processIdentity(clientId?: string): TokenCredential {
  let loading: Promise<TokenCredential> | null = null;
  return {
    async getToken(scopes, options) {
      loading ??= load(clientId);
      return (await loading).getToken(scopes, options);
    },
  };
}

async function load(clientId: string | undefined): Promise<TokenCredential> {
  const { DefaultAzureCredential } = await import('@azure/identity');
  return new DefaultAzureCredential(clientId === undefined ? {} : { managedIdentityClientId: clientId });
}
