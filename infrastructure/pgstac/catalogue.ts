import type pg from 'pg';
import { CoreMachineError } from '../../core/errors.ts';
import type { JsonObject, JsonValue } from '../../core/json.ts';
import type { Log } from '../../core/log.ts';
import type { Catalogue, ItemWriteOutcome, StacCollection, StacItem } from '../../core/ports/catalogue.ts';
import { KeyedBatchers } from '../postgres/keyed-batchers.ts';
import { query } from '../postgres/sql-files.ts';
import type { Run } from '../postgres/transaction.ts';
import { grownExtent } from './extent.ts';
import { type CatalogueKind, checkPgstacVersion, installedCatalogues } from './flavour.ts';
import { installSmall } from './install.ts';
import { asCollection, asItem, batches, withDatetimes } from './items.ts';
import { CatalogueSession } from './session.ts';
import { differentTimes, fullItem, slimItem } from './slim.ts';

const sql = {
  version: query('catalogue_version'),
  lock: query('catalogue_lock'),
  getCollection: query('catalogue_get_collection'),
  ensureCollection: query('catalogue_ensure_collection'),
  upsertCollection: query('catalogue_upsert_collection'),
  missingPartition: query('catalogue_missing_partition'),
  checkPartitions: query('catalogue_check_partitions'),
  deleteItems: query('catalogue_delete_items'),
  insertItems: query('catalogue_insert_items'),
  storedIds: query('catalogue_stored_ids'),
  itemIds: query('catalogue_item_ids'),
  getItem: query('catalogue_get_item'),
  getItems: query('catalogue_get_items'),
  storedItems: query('catalogue_stored_items'),
  baseItem: query('catalogue_base_item'),
  insertSlimItems: query('catalogue_insert_slim_items'),
  extent: query('catalogue_extent'),
  extentExact: query('catalogue_extent_exact'),
  search: query('catalogue_search'),
  registerSearch: query('catalogue_register_search'),
};

/** Keeps one statement's JSON at some MB, with items of many bands too. */
const itemsPerStatement = 1_000;

/** Calls that share a transaction, at most: what fails then is done again call by call. */
const callsPerWrite = 200;

export interface CatalogueOptions {
  readonly pool: pg.Pool;
  readonly log: Log;
  /** `auto`: pgSTAC where it is installed, else the small schema, which is then made. */
  readonly flavour: 'auto' | CatalogueKind;
}

/** Opens the database's catalogue. Throws CATALOGUE_VERSION when pgSTAC is of another generation, or wanted and absent. */
export async function openCatalogue({ pool, log, flavour }: CatalogueOptions): Promise<Catalogue> {
  const installed = await installedCatalogues(pool);
  if (flavour === 'pgstac' && !installed.pgstac) {
    throw new CoreMachineError('CATALOGUE_VERSION', 'pgSTAC is not installed in this database');
  }
  if (flavour === 'small' || !installed.pgstac) {
    await installSmall(pool);
    log.warn('System:Warning', { component: 'catalogue', message: 'the small STAC schema stands in for pgSTAC' });
    return new SqlCatalogue('small', 'small', new CatalogueSession(pool, log, 'stac_small'), log);
  }
  const session = new CatalogueSession(pool, log, 'pgstac');
  const [row] = await session.transaction((run) => run<{ version: string | null }>(sql.version));
  const version = checkPgstacVersion(row?.version ?? null);
  return new SqlCatalogue('pgstac', `pgstac ${version}`, session, log);
}

/** One implementation for both: the small schema has pgSTAC's functions, less the partitions. */
class SqlCatalogue implements Catalogue {
  readonly flavour: string;
  readonly #kind: CatalogueKind;
  readonly #session: CatalogueSession;
  readonly #log: Log;
  /**
   * By collection. A write costs pgSTAC the statistics of a whole partition, whatever the number of items: many tasks
   * that store one item each share it. Measured with 500 items by 16 tasks: 10 items/s one by one, 36 together, on two busy cores.
   */
  readonly #writes: KeyedBatchers<readonly StacItem[], ItemWriteOutcome>;
  readonly #refreshes: KeyedBatchers<string, null>;

  constructor(kind: CatalogueKind, flavour: string, session: CatalogueSession, log: Log) {
    this.#kind = kind;
    this.flavour = flavour;
    this.#session = session;
    this.#log = log;
    this.#writes = new KeyedBatchers((collectionId) => ({
      maxItems: callsPerWrite,
      weightOf: (items) => items.length,
      maxWeight: itemsPerStatement,
      keyOf: (items) => JSON.stringify(items.map(({ id }) => id)),
      sameKey: 'wait',
      isItemError: isRefused,
      run: (calls) => this.#writeTogether(collectionId, calls),
    }));
    this.#refreshes = new KeyedBatchers((collectionId) => ({
      maxItems: 1,
      keyOf: (id) => id,
      sameKey: 'share',
      isItemError: isRefused,
      run: async () => {
        await this.#refresh(collectionId);
        return [null];
      },
    }));
  }

  async getCollection(id: string): Promise<StacCollection | null> {
    return this.#session.transaction((run) => getCollection(run, id));
  }

  async ensureCollection(collection: StacCollection): Promise<boolean> {
    // Without the lock, so that none of those who find it there waits for a write to it.
    if (await this.getCollection(collection.id)) return false;
    return this.#session.transaction(async (run) => {
      await run(sql.lock, [lockOf(collection.id)]);
      return (await run(sql.ensureCollection, [collection.id, JSON.stringify(collection)])).length > 0;
    });
  }

  async upsertCollection(collection: StacCollection): Promise<void> {
    await this.#session.transaction(async (run) => {
      await run(sql.lock, [lockOf(collection.id)]);
      await run(sql.upsertCollection, [JSON.stringify(collection)]);
    });
  }

  upsertItems(collectionId: string, items: readonly StacItem[]): Promise<ItemWriteOutcome> {
    return this.#writes.do(collectionId, items);
  }

  async getItem(collectionId: string, itemId: string): Promise<StacItem | null> {
    const [row] = await this.#session.transaction((run) => run<Content>(sql.getItem, [itemId, collectionId]));
    return asItem(row?.content);
  }

  async getItems(collectionId: string, itemIds: readonly string[]): Promise<readonly StacItem[]> {
    const statement = this.#kind === 'pgstac' ? sql.storedItems : sql.getItems;
    const rows = await this.#session.transaction((run) => run<Stored>(statement, [collectionId, itemIds]));
    const items = rows.map(({ content, base_item: base }) => asItem(base ? fullItem(content, base) : content));
    return items.filter((item) => item !== null);
  }

  async itemIds(collectionId: string, prefix: string): Promise<readonly string[]> {
    const rows = await this.#session.transaction((run) => run<{ id: string }>(sql.itemIds, [collectionId, prefix]));
    return rows.map(({ id }) => id);
  }

  async deleteItems(collectionId: string, itemIds: readonly string[]): Promise<void> {
    if (itemIds.length === 0) return;
    await this.#session.transaction(async (run) => {
      await run(sql.lock, [lockOf(collectionId)]);
      await run(sql.deleteItems, [collectionId, itemIds]);
    });
  }

  async refreshExtent(collectionId: string): Promise<void> {
    await this.#refreshes.do(collectionId, collectionId);
  }

  async search(body: JsonObject): Promise<JsonObject> {
    const [row] = await this.#session.transaction((run) =>
      run<{ found: JsonObject }>(sql.search, [JSON.stringify(body)]),
    );
    if (!row) throw new CoreMachineError('CATALOGUE_FAILED', 'the catalogue answered a search with nothing');
    return withDatetimes(row.found);
  }

  async registerSearch(body: JsonObject, metadata: JsonObject): Promise<string> {
    const parameters = [JSON.stringify(body), JSON.stringify(metadata)];
    const [row] = await this.#session.transaction((run) => run<{ id: string | null }>(sql.registerSearch, parameters));
    if (!row?.id) throw new CoreMachineError('CATALOGUE_FAILED', 'the catalogue gave the search no id');
    return row.id;
  }

  /** Of calls that write the same item the last one counts. */
  async #writeTogether(collectionId: string, calls: readonly (readonly StacItem[])[]): Promise<ItemWriteOutcome[]> {
    const started = performance.now();
    const { stored, missing } = await this.#write(collectionId, calls.flat());
    const fields = { collection: collectionId, stored: stored.length, missing: missing.length };
    this.#log.info('Catalogue:Write', { ...fields, durationMs: Math.round(performance.now() - started) });
    const there = new Set(stored);
    return calls.map((items) => {
      const ids = [...new Set(items.map(({ id }) => id))];
      return { stored: ids.filter((id) => there.has(id)), missing: ids.filter((id) => !there.has(id)) };
    });
  }

  async #write(collectionId: string, items: readonly StacItem[]): Promise<ItemWriteOutcome> {
    const groups = batches(collectionId, items, itemsPerStatement).map((group) => ({
      ids: group.map(({ id }) => id),
      group,
      times: differentTimes(group),
    }));
    if (this.#kind === 'pgstac') for (const { times } of groups) await this.#makePartitions(collectionId, times);
    await this.#session.transaction(async (run) => {
      await run(sql.lock, [lockOf(collectionId)]);
      for (const { ids, group, times } of groups) {
        if (this.#kind === 'pgstac') await run(sql.checkPartitions, [collectionId, times]);
        await run(sql.deleteItems, [collectionId, ids]);
        await this.#insert(run, collectionId, group);
      }
    });
    return this.#countBack(
      collectionId,
      groups.flatMap(({ ids }) => ids),
    );
  }

  async #insert(run: Run, collectionId: string, items: readonly StacItem[]): Promise<void> {
    if (this.#kind === 'small') return void (await run(sql.insertItems, [JSON.stringify(items)]));
    const [row] = await run<{ base_item: JsonObject | null }>(sql.baseItem, [collectionId]);
    const slim = items.map((item) => slimItem(item, row?.base_item ?? null));
    await run(sql.insertSlimItems, [collectionId, JSON.stringify(slim)]);
  }

  async #refresh(collectionId: string): Promise<void> {
    await this.#session.transaction(async (run) => {
      await run(sql.lock, [lockOf(collectionId)]);
      const collection = await getCollection(run, collectionId);
      if (!collection) throw new CoreMachineError('CATALOGUE_FAILED', `there is no collection ${collectionId}`);
      const found = await this.#extent(run, collectionId);
      if (!found) return;
      const extent = grownExtent(collection.extent, found);
      if (JSON.stringify(extent) === JSON.stringify(collection.extent)) return;
      await run(sql.upsertCollection, [JSON.stringify({ ...collection, extent })]);
    });
  }

  /**
   * Partitions are made one at a time, and before the write in a transaction of their own: making one locks all items
   * and two views, in the order in which a write locks them, but a write that made one halfway would turn it round.
   */
  async #makePartitions(collectionId: string, json: string): Promise<void> {
    const missing = async (run: Run) =>
      (await run<{ missing: boolean }>(sql.missingPartition, [collectionId, json]))[0]?.missing === true;
    if (!(await this.#session.transaction(missing))) return;
    await this.#session.transaction(async (run) => {
      await run(sql.lock, [partitionLock]);
      if (await missing(run)) await run(sql.checkPartitions, [collectionId, json]);
    });
  }

  async #extent(run: Run, collectionId: string): Promise<JsonObject | null> {
    if (this.#kind === 'pgstac') {
      const [row] = await run<Extent>(sql.extent, [collectionId]);
      if (row?.extent) return row.extent;
    }
    const [row] = await run<Extent>(sql.extentExact, [collectionId]);
    return row?.extent ?? null;
  }

  /** After the commit, by another look: rows lost without an error under load were reported (pgstac issues 222, 285). */
  async #countBack(collectionId: string, ids: readonly string[]): Promise<ItemWriteOutcome> {
    const rows = await this.#session.transaction((run) => run<{ id: string }>(sql.storedIds, [collectionId, ids]));
    const there = new Set(rows.map(({ id }) => id));
    return { stored: ids.filter((id) => there.has(id)), missing: ids.filter((id) => !there.has(id)) };
  }
}

interface Content {
  readonly content: JsonValue;
}

interface Stored {
  readonly content: JsonObject;
  /** pgSTAC only. */
  readonly base_item?: JsonObject | null;
}

interface Extent {
  readonly extent: JsonObject | null;
}

/** What one call's items may be to blame for. */
function isRefused(error: unknown): boolean {
  return error instanceof CoreMachineError && error.code === 'CATALOGUE_FAILED';
}

const partitionLock = 'coremachine stac partitions';

function lockOf(collectionId: string): string {
  return `coremachine stac collection ${collectionId}`;
}

async function getCollection(run: Run, id: string): Promise<StacCollection | null> {
  const [row] = await run<Content>(sql.getCollection, [id]);
  return asCollection(row?.content);
}
