import { addressVariable, type ServiceName, startService } from '../../src/cli/testing/service.ts';

const started = new Map<ServiceName, Promise<string>>();

/**
 * Address of a test service: the one that `./run test` started for all files, or, where a file is run alone with
 * `node --test`, one of this process, which ends with it.
 */
export function serviceAddress(name: ServiceName): Promise<string> {
  const given = process.env[addressVariable[name]];
  if (given) return Promise.resolve(given);
  const known = started.get(name) ?? startService(name).then((service) => service.address);
  started.set(name, known);
  return known;
}
