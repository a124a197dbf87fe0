import { CoreMachineError } from '../../core/errors.ts';
import { defineFanInHandler, type TaskContext } from '../../core/handler.ts';
import type { StacCollection, StacItem } from '../../core/ports/catalogue.ts';
import type { StageResult, StageResults } from '../../core/results.ts';
import { type Render, searchUrls } from '../links/titiler-urls.ts';
import type { CogHeader } from '../mosaic/cog-headers.ts';
import { dataTypeOf } from '../mosaic/cog-headers.ts';
import { mosaicAssets } from '../mosaic/mosaic-assets.ts';
import { inOrder } from '../parallel.ts';
import { type CreateCogOutput, createCogOutput } from '../raster/schemas.ts';
import {
  type CreateStacCollectionInput,
  type CreateStacCollectionOutput,
  createStacCollectionInput,
  createStacCollectionOutput,
} from './collection-schemas.ts';
import { commonRender } from './common-render.ts';
import { type Cover, withItem } from './cover.ts';
import { describeRaster } from './extract-stac-metadata.ts';
import { itemRender } from './item-render.ts';
import { mosaicCollection, type Shown } from './mosaic-collection.ts';
import { refreshedItem } from './store-item.ts';

/** COGs looked at together. */
const width = 4;
/** Items written together. */
const itemsPerWrite = 500;

export const createStacCollection = defineFanInHandler('create_stac_collection', {
  description: 'Describes COGs as the items of one STAC collection, and registers a search that shows them as one map.',
  input: createStacCollectionInput,
  output: createStacCollectionOutput,
  previous: createCogOutput,
  limits: { timeoutSeconds: 8 * 3600 },
  run: (input, cogs, context) => new CollectionWriter(input, context).write(cogs),
});

interface Tile {
  readonly item: StacItem;
  readonly header: CogHeader;
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

  constructor(input: CreateStacCollectionInput, context: TaskContext) {
    this.#input = input;
    this.#context = context;
  }

  async write(cogs: StageResults<CreateCogOutput>): Promise<CreateStacCollectionOutput> {
    const { catalogue } = this.#context.services;
    const { stac_id } = this.#input;
    this.#present = await catalogue.getCollection(stac_id);
    let tiles: Tile[] = [];
    for await (const tile of inOrder(cogs, width, (cog) => this.#describe(cog))) {
      this.#context.signal.throwIfAborted();
      tiles.push(tile);
      const described = this.#ids.size + tiles.length;
      this.#context.progress(0.95 * Math.min(1, described / Math.max(1, this.#input.cog_count)));
      if (tiles.length === itemsPerWrite) {
        await this.#store(tiles);
        tiles = [];
      }
    }
    if (tiles.length > 0) await this.#store(tiles);
    return this.#finish(await this.#removeOthers());
  }

  async #describe({ number, key, output: cog }: StageResult<CreateCogOutput>): Promise<Tile> {
    const { stac_id } = this.#input;
    const input = {
      container_name: cog.cog_container,
      blob_name: cog.cog_blob,
      collection_id: stac_id,
      item_id: `${itemPrefix(stac_id)}${tileNumber(key, number)}`,
      source_container: cog.source_container,
      source_blob: cog.source_blob,
      raster_type: cog.raster_type,
    };
    const { item, observed } = await describeRaster(input, { ...this.#context, progress: () => {} }, cog.cog_container);
    const { facts, acquired } = observed;
    const present = this.#present && (await this.#context.services.catalogue.getItem(stac_id, item.id));
    const refreshed = refreshedItem(item, present, { datetimeIsOfProcessing: acquired === null });
    return { item: refreshed, header: { cog, facts, dataType: dataTypeOf(facts.bands[0]?.type ?? '') } };
  }

  /** The collection comes before its first items. Written again, items are replaced. */
  async #store(tiles: readonly Tile[]): Promise<void> {
    const { catalogue } = this.#context.services;
    const items = tiles.map(({ item }) => item);
    for (const item of items) {
      this.#cover = withItem(this.#cover, item);
      this.#render = commonRender(this.#render, itemRender(item));
    }
    await this.#widenZooms(tiles);
    if (this.#ids.size === 0) await catalogue.upsertCollection(this.#collection(null));
    const { missing } = await catalogue.upsertItems(this.#input.stac_id, items);
    if (missing.length > 0) {
      const message = `${missing.length} items were written and are not there, e.g. ${missing[0]}`;
      throw new CoreMachineError('CATALOGUE_FAILED', message);
    }
    for (const { id } of items) this.#ids.add(id);
  }

  async #widenZooms(tiles: readonly Tile[]): Promise<void> {
    const assets = await mosaicAssets(
      tiles.map(({ header }) => header),
      this.#context,
    );
    const [minzoom, maxzoom] = this.#zooms ?? [0, 0];
    this.#zooms = [
      Math.max(minzoom, ...assets.map((asset) => asset.minzoom)),
      Math.max(maxzoom, ...assets.map((asset) => asset.maxzoom)),
    ];
  }

  /** Items that an earlier run made of tiles which this one does not have go; others in the collection stay. */
  async #removeOthers(): Promise<{ removed: number; foreign: number }> {
    const { catalogue } = this.#context.services;
    const { stac_id } = this.#input;
    const prefix = itemPrefix(stac_id);
    const others = (await catalogue.itemIds(stac_id, '')).filter((id) => !this.#ids.has(id));
    const left = others.filter((id) => id.startsWith(prefix) && /^\d{4,}$/.test(id.slice(prefix.length)));
    await catalogue.deleteItems(stac_id, left);
    return { removed: left.length, foreign: others.length - left.length };
  }

  async #finish(others: { removed: number; foreign: number }): Promise<CreateStacCollectionOutput> {
    const { catalogue, settings } = this.#context.services;
    const { collection_id, stac_id, mosaicjson_url } = this.#input;
    const { cover, render, zooms } = this.#seen();
    const search = searchOf(stac_id, cover, zooms);
    const searchId = await catalogue.registerSearch(search.body, search.metadata);
    const { share_url, titiler_urls } = searchUrls(settings, { searchId, render });
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
    const { stac_id: id, description, mosaicjson_url: mosaicjsonUrl } = this.#input;
    return mosaicCollection({ id, description, cover: this.#seen().cover, mosaicjsonUrl, shown }, this.#present);
  }

  #seen(): { cover: Cover; render: Render; zooms: readonly [number, number] } {
    const [cover, render, zooms] = [this.#cover, this.#render, this.#zooms];
    if (!cover || !render || !zooms) throw new CoreMachineError('RASTER_UNSUPPORTED', 'a collection needs a COG');
    const maxzoom = this.#input.maxzoom ?? zooms[1];
    return { cover, render, zooms: [Math.min(zooms[0], maxzoom), maxzoom] };
  }
}

function itemPrefix(stacId: string): string {
  return `${stacId}-tile-`;
}

/** A key such as `tile-0007` has the tile's number in it; for others it is the task's place. Four digits at least. */
function tileNumber(key: string, place: number): string {
  return /^tile-(\d{4,})$/.exec(key)?.[1] ?? String(place).padStart(4, '0');
}

/** Drawn in the order of the ids, as the MosaicJSON is. The metadata is what titiler-pgstac reads. */
function searchOf(stacId: string, { bbox }: Cover, [minzoom, maxzoom]: readonly [number, number]) {
  const body = { collections: [stacId], sortby: [{ field: 'id', direction: 'asc' }] };
  const metadata = { type: 'mosaic', name: stacId, bounds: [...bbox], minzoom, maxzoom, assets: ['data'] };
  return { body, metadata };
}
