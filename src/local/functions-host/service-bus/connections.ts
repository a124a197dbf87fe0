import { DefaultAzureCredential } from '@azure/identity';
import { RetryMode, type RetryOptions, ServiceBusClient, type ServiceBusClientOptions } from '@azure/service-bus';
import type { RetrySettings } from '../host-json.ts';
import { readSetting, type Settings, SettingsError } from '../settings.ts';

/** Opens one client per connection setting, when first asked for. */
export class ServiceBusConnections {
  readonly #settings: Settings;
  readonly #options: ServiceBusClientOptions;
  readonly #clients = new Map<string, ServiceBusClient>();

  constructor(settings: Settings, options: ServiceBusClientOptions) {
    this.#settings = settings;
    this.#options = options;
  }

  /**
   * The client for a trigger's `connection`: a setting of that name (or `AzureWebJobs<name>`) with a connection string, or
   * `<name>__fullyQualifiedNamespace` for the machine's identity. Throws SettingsError.
   */
  client(connection: string): ServiceBusClient {
    const name = connection || 'ServiceBus';
    const known = this.#clients.get(name);
    if (known) return known;
    const client = this.#open(name);
    this.#clients.set(name, client);
    return client;
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#clients.values()].map((client) => client.close()));
  }

  #open(name: string): ServiceBusClient {
    for (const candidate of [`AzureWebJobs${name}`, name]) {
      const text = readSetting(this.#settings, candidate);
      if (text) return new ServiceBusClient(text, this.#options);
      const namespace = readSetting(this.#settings, `${candidate}__fullyQualifiedNamespace`);
      if (!namespace) continue;
      const managedIdentityClientId = readSetting(this.#settings, `${candidate}__clientId`);
      return new ServiceBusClient(
        namespace,
        new DefaultAzureCredential({ ...(managedIdentityClientId && { managedIdentityClientId }) }),
        this.#options,
      );
    }
    throw new SettingsError(`The setting ${name} (a connection string) or ${name}__fullyQualifiedNamespace is missing`);
  }
}

/** host.json's `clientRetryOptions` in the SDK's words. */
export function toRetryOptions(retry: RetrySettings): RetryOptions {
  return {
    mode: retry.mode === 'fixed' ? RetryMode.Fixed : RetryMode.Exponential,
    timeoutInMs: retry.tryTimeoutMs,
    retryDelayInMs: retry.delayMs,
    maxRetryDelayInMs: retry.maxDelayMs,
    maxRetries: retry.maxRetries,
  };
}
