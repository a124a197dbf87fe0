import type { TokenCredential } from '@azure/identity';
import {
  parseServiceBusConnectionString,
  RetryMode,
  type RetryOptions,
  ServiceBusAdministrationClient,
  ServiceBusClient,
} from '@azure/service-bus';
import { processIdentity } from '../azure/identity.ts';

/** A connection string, or a namespace that is reached with the process's identity. */
export type ServiceBusConnection =
  | string
  | { readonly fullyQualifiedNamespace: string; readonly clientId?: string; readonly credential?: TokenCredential };

/** The SDK's own default waits 30 s between tries; what is not sent is found by the reconciler sooner than that. */
const patience: RetryOptions = {
  mode: RetryMode.Exponential,
  maxRetries: 2,
  retryDelayInMs: 500,
  maxRetryDelayInMs: 5000,
};

export function connectMessages(
  connection: ServiceBusConnection,
  retryOptions: RetryOptions = patience,
): ServiceBusClient {
  const options = { retryOptions: { ...retryOptions } };
  if (typeof connection === 'string') return new ServiceBusClient(connection, options);
  return new ServiceBusClient(connection.fullyQualifiedNamespace, credentialOf(connection), options);
}

/** For counts. Needs the right to manage the namespace, which sending and receiving do not. */
export function connectAdministration(connection: ServiceBusConnection): ServiceBusAdministrationClient {
  if (typeof connection !== 'string') {
    return new ServiceBusAdministrationClient(connection.fullyQualifiedNamespace, credentialOf(connection));
  }
  const client = new ServiceBusAdministrationClient(connection);
  const emulator = emulatorUrl(connection);
  if (emulator) speakPlainHttp(client, emulator);
  return client;
}

function credentialOf(connection: Exclude<ServiceBusConnection, string>): TokenCredential {
  return connection.credential ?? processIdentity(connection.clientId);
}

/** Where an emulator's administration answers; null for the real service. Microsoft's has a port of its own for it. */
function emulatorUrl(connectionString: string): URL | null {
  if (!/(?:^|;)\s*UseDevelopmentEmulator=true\s*(?:;|$)/.test(connectionString)) return null;
  const { endpoint } = parseServiceBusConnectionString(connectionString);
  const url = new URL(endpoint.replace(/^sb:/, 'http:'));
  if (!url.port) url.port = '5300';
  return url;
}

/** The client knows https only; emulators speak http. */
function speakPlainHttp(client: ServiceBusAdministrationClient, emulator: URL): void {
  client.pipeline.addPolicy({
    name: 'plainHttpForEmulator',
    sendRequest(request, next) {
      const url = new URL(request.url);
      url.protocol = 'http:';
      url.host = emulator.host;
      request.url = url.href;
      request.allowInsecureConnection = true;
      return next(request);
    },
  });
}
