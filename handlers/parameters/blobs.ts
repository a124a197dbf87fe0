import { CoreMachineError } from '../../core/errors.ts';
import type { Services } from '../../core/services.ts';

/** So many names at a time are asked for one by one; more of them by listing. */
const fewNames = 32;
/** Blobs of no concern that a listing may run into before it gives up: two pages, or as many as there are names. */
const leastForeign = 4_000;
/** Requests at the same time. */
const width = 16;

/**
 * Sizes in bytes of the blobs named, found by listing where there are many. Throws CONTAINER_NOT_FOUND, or
 * FILE_NOT_FOUND whose details hold every missing name, in the order given.
 */
export async function requireBlobs(
  services: Pick<Services, 'blobs'>,
  container: string,
  names: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  if (!(await services.blobs.containerExists(container))) {
    throw new CoreMachineError('CONTAINER_NOT_FOUND', `there is no container ${JSON.stringify(container)}`);
  }
  const wanted = [...new Set(names)];
  const found = await new Search(services, container).find(wanted);
  const missing = wanted.filter((name) => !found.has(name));
  if (missing.length > 0) throw notFound(container, missing, wanted.length);
  return found;
}

interface Group {
  readonly prefix: string;
  readonly names: readonly string[];
}

class Search {
  readonly #blobs: Services['blobs'];
  readonly #container: string;
  readonly #found = new Map<string, number>();
  /** The next ones to look into, the last first. */
  readonly #groups: Group[] = [];

  constructor({ blobs }: Pick<Services, 'blobs'>, container: string) {
    this.#blobs = blobs;
    this.#container = container;
  }

  async find(names: readonly string[]): Promise<ReadonlyMap<string, number>> {
    this.#groups.push({ prefix: commonPrefix(names), names });
    while (this.#groups.length > 0) {
      await Promise.all(this.#groups.splice(-width).map((group) => this.#look(group)));
    }
    return this.#found;
  }

  async #look(group: Group): Promise<void> {
    if (group.names.length <= fewNames) return this.#askFor(group.names);
    const unlooked = await this.#list(group);
    this.#groups.push(...narrower(group.prefix, unlooked));
  }

  /** One after another: groups are looked into side by side. */
  async #askFor(names: readonly string[]): Promise<void> {
    for (const name of names) {
      const properties = await this.#blobs.properties({ container: this.#container, name });
      if (properties) this.#found.set(name, properties.sizeBytes);
    }
  }

  /** The names that are still open when the listing ran into too much else; none when it came to its end. */
  async #list({ prefix, names }: Group): Promise<readonly string[]> {
    const open = new Set(names);
    let foreign = 0;
    for await (const { name, sizeBytes } of this.#blobs.list(this.#container, { prefix })) {
      if (open.delete(name)) this.#found.set(name, sizeBytes);
      else foreign += 1;
      if (open.size === 0) return [];
      if (foreign > Math.max(leastForeign, names.length)) return [...open];
    }
    return [];
  }
}

/** The names by what follows the prefix: a name that ends there stands alone. */
function narrower(prefix: string, names: readonly string[]): Group[] {
  const groups = Map.groupBy(names, (name) => String.fromCodePoint(name.codePointAt(prefix.length) ?? 0));
  return [...groups.values()].map((members) => ({ prefix: commonPrefix(members), names: members }));
}

/** By whole characters: half of a surrogate pair cannot be sent. */
function commonPrefix(names: readonly string[]): string {
  const [first = '', ...others] = names;
  let length = first.length;
  for (const name of others) {
    let same = 0;
    while (same < length && name[same] === first[same]) same += 1;
    length = same;
  }
  return first.slice(0, length).replace(/[\uD800-\uDBFF]$/, '');
}

function notFound(container: string, missing: readonly string[], total: number): CoreMachineError {
  const place = JSON.stringify(container);
  const details = missing.map((name) => ({ message: `there is no blob ${JSON.stringify(name)} in ${place}` }));
  const message =
    missing.length === 1
      ? details.map((detail) => detail.message).join()
      : `${missing.length} of ${total} blobs are not in ${place}`;
  return new CoreMachineError('FILE_NOT_FOUND', message, { details });
}
