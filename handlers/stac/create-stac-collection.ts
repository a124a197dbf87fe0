import { CoreMachineError } from '../../core/errors.ts';
import { defineFanInHandler, type TaskContext } from '../../core/handler.ts';
import type { StacCollection, StacItem } from '../../core/ports/catalogue.ts';
import type { StageResult, StageResults } from '../../core/results.ts';
import { type Render, searchUrls } from '../links/titiler-urls.ts';
import { shownZooms } from '../mosaic/mosaic-assets.ts';
import { type CreateCogOutput, createCogOutput } from '../raster/schemas.ts';
import {
  type CreateStacCollectionInput,
  type CreateStacCollectionOutput,
  createStacCollectionInput,
  createStacCollectionOutput,
} from './collection-schemas.ts';
import { commonRender } from './common-render.ts';
import { type Cover, withItem } from './cover.ts';
import { buildItem } from './item-builder.ts';
import { itemRender } from './item-render.ts';
import { mosaicCollection, type Shown } from './mosaic-collection.ts';
import { isTileOf, itemPrefix, requireOwnItems } from './own-items.ts';
import { refreshedItem } from './store-item.ts';

/** Items written together. A write costs pgSTAC the statistics of the whole partition, whatever the number of items. */
const itemsPerWrite = 1_000;

export const createStacCollection = defineFanInHandler('create_stac_collection', {
  description: 'Describes COGs as the items of one STAC collection, and registers a search that shows them as one map.',
  input: createStacCollectionInput,
  output: createStacCollectionOutput,
  previous: createCogOutput,
  limits: { timeoutSeconds: 2 * 3600 },
  run: (input, cogs, context) => new CollectionWriter(input, context).write(cogs),
});

interface Tile {
  readonly item: StacItem;
  /** Its `datetime` is when it was made: the raster has none of its own. */
  readonly datetimeIsOfProcessing: boolean;
  readonly zooms: readonly [number, number];
}

class CollectionWriter {
  readonly #input: CreateStacCollectionInput;
  readonly #context: TaskContext;
  /** As it was before; null when it is new. */
  #present: StacCollection | null = null;
  #cover: Cover | null = null;
  #render: Render | null = null;
  #zooms: readonly [number, number] | null = null;
  readonly #ids = new Set<string>();
  readonly #now = new Date().toISOString();

  constructor(input: CreateStacCollectionInput, context: TaskContext) {
    this.#input = input;
    this.#context = context;
  }

  async write(cogs: StageResults<CreateCogOutput>): Promise<CreateStacCollectionOutput> {
    const { catalogue } = this.#context.services;
    const { stac_id, item_name, source } = this.#input;
    if (source) await requireOwnItems(this.#context.services, { stacId: stac_id, itemName: item_name, source });
    this.#present = await catalogue.getCollection(stac_id);
    let tiles: Tile[] = [];
    for await (const cog of cogs) {
      tiles.push(this.#tile(cog));
      if (tiles.length < itemsPerWrite) continue;
      await this.#store(tiles);
      tiles = [];
    }
    if (tiles.length > 0) await this.#store(tiles);
    return this.#finish(await this.#removeOthers());
  }

  /** From what the task that made the COG saw of it: no COG is opened again. */
  #tile({ number, key, output: cog }: StageResult<CreateCogOutput>): Tile {
    const { stac_id: collectionId, item_name } = this.#input;
    if (!cog.item_body) throw new Error(`${cog.cog_blob} was made without a description`);
    const item = buildItem(cog.item_body, {
      itemId: `${itemPrefix(item_name)}${tileNumber(key, number)}`,
      collectionId,
      now: this.#now,
      links: this.#context.services.settings,
    });
    return { item, datetimeIsOfProcessing: cog.item_body.acquired === null, zooms: shownZooms(cog) };
  }

  /** The collection comes before its first items. Written again, items that changed are replaced. */
  async #store(tiles: readonly Tile[]): Promise<void> {
    const { signal, progress, services } = this.#context;
    signal.throwIfAborted();
    const items = await this.#refreshed(tiles);
    for (const [index, tile] of tiles.entries()) this.#see(items[index]?.item ?? tile.item, tile.zooms);
    if (this.#ids.size === 0) await services.catalogue.upsertCollection(this.#collection(null));
    const changed = items.filter(({ isChanged }) => isChanged).map(({ item }) => item);
    const { missing } = await services.catalogue.upsertItems(this.#input.stac_id, changed);
    if (missing.length > 0) {
      const message = `${missing.length} items were written and are not there, e.g. ${missing[0]}`;
      throw new CoreMachineError('CATALOGUE_FAILED', message);
    }
    for (const { item } of items) this.#ids.add(item.id);
    progress(0.95 * Math.min(1, this.#ids.size / Math.max(1, this.#input.cog_count)));
  }

  async #refreshed(tiles: readonly Tile[]): Promise<readonly { item: StacItem; isChanged: boolean }[]> {
    const { stac_id } = this.#input;
    const ids = tiles.map(({ item }) => item.id);
    const there = this.#present ? await this.#context.services.catalogue.getItems(stac_id, ids) : [];
    const presentById = new Map(there.map((item) => [item.id, item]));
    return tiles.map(({ item: made, datetimeIsOfProcessing }) => {
      const present = presentById.get(made.id) ?? null;
      const item = refreshedItem(made, present, { datetimeIsOfProcessing });
      return { item, isChanged: item !== present };
    });
  }

  #see(item: StacItem, [minzoom, maxzoom]: readonly [number, number]): void {
    const [lowest, highest] = this.#zooms ?? [0, 0];
    this.#cover = withItem(this.#cover, item);
    this.#render = commonRender(this.#render, itemRender(item));
    this.#zooms = [Math.max(lowest, minzoom), Math.max(highest, maxzoom)];
  }

  /** Items that an earlier run made of tiles which this one does not have go; others in the collection stay. */
  async #removeOthers(): Promise<{ removed: number; foreign: number }> {
    const { catalogue } = this.#context.services;
    const { stac_id, item_name } = this.#input;
    const others = (await catalogue.itemIds(stac_id, '')).filter((id) => !this.#ids.has(id));
    const left = others.filter((id) => isTileOf(item_name, id));
    await catalogue.deleteItems(stac_id, left);
    return { removed: left.length, foreign: others.length - left.length };
  }

  async #finish(others: { removed: number; foreign: number }): Promise<CreateStacCollectionOutput> {
    const { catalogue, settings } = this.#context.services;
    const { collection_id, stac_id, mosaicjson_url } = this.#input;
    const { cover, render, zooms } = this.#seen();
    const search = searchOf(this.#input, cover, zooms);
    const searchId = await catalogue.registerSearch(search.body, search.metadata);
    const { share_url, titiler_urls } = searchUrls(settings, { searchId, render });
    // What others who share the collection wrote meanwhile stays.
    this.#present = await catalogue.getCollection(stac_id);
    await catalogue.upsertCollection(this.#collection({ render, zooms, urls: titiler_urls }));
    // The extent of our own items is known exactly; the catalogue's is rounded to 32 bits.
    if (others.foreign > 0) await catalogue.refreshExtent(stac_id);
    return {
      collection_id,
      stac_id,
      pgstac_id: stac_id,
      search_id: searchId,
      search,
      tile_count: this.#ids.size,
      items_created: this.#ids.size,
      items_failed: 0,
      items_removed: others.removed,
      spatial_extent: [...cover.bbox],
      mosaicjson_url,
      inserted_to_pgstac: true,
      ready_for_titiler: catalogue.flavour !== 'small',
      titiler_urls: { ...titiler_urls },
      share_url,
    };
  }

  #collection(shown: Shown | null): StacCollection {
    const { stac_id: id, item_name: name, description, mosaicjson_url: mosaicjsonUrl } = this.#input;
    return mosaicCollection({ id, name, description, cover: this.#seen().cover, mosaicjsonUrl, shown }, this.#present);
  }

  #seen(): { cover: Cover; render: Render; zooms: readonly [number, number] } {
    const [cover, render, zooms] = [this.#cover, this.#render, this.#zooms];
    if (!cover || !render || !zooms) throw new CoreMachineError('RASTER_UNSUPPORTED', 'a collection needs a COG');
    const maxzoom = this.#input.maxzoom ?? zooms[1];
    return { cover, render, zooms: [Math.min(zooms[0], maxzoom), maxzoom] };
  }
}

/** A key such as `tile-0007` has the tile's number in it; for others it is the task's place. Four digits at least. */
function tileNumber(key: string, place: number): string {
  return /^tile-(\d{4,})$/.exec(key)?.[1] ?? String(place).padStart(4, '0');
}

/** Drawn in the order of the ids, as the MosaicJSON is. The metadata is what titiler-pgstac reads. */
function searchOf(
  { stac_id, item_name: name }: CreateStacCollectionInput,
  { bbox }: Cover,
  [minzoom, maxzoom]: readonly [number, number],
) {
  // Of a collection that others share, only the items of this name.
  const own = { op: 'like', args: [{ property: 'id' }, `${itemPrefix(name)}%`] };
  const body = {
    collections: [stac_id],
    sortby: [{ field: 'id', direction: 'asc' }],
    ...(name !== stac_id && { 'filter-lang': 'cql2-json', filter: own }),
  };
  const metadata = { type: 'mosaic', name, bounds: [...bbox], minzoom, maxzoom, assets: ['data'] };
  return { body, metadata };
}
