import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import pg from 'pg';
import { isObject, type JsonObject } from '../../core/json.ts';
import { silentLog } from '../../core/log.ts';
import type { BlobStore } from '../../core/ports/blob-store.ts';
import type { StacItem } from '../../core/ports/catalogue.ts';
import { thumbnailName } from '../../handlers/stac/thumbnail-name.ts';
import { openCatalogue } from '../../infrastructure/pgstac/catalogue.ts';

/** Where a finished job left what it made. */
export interface Made {
  readonly cog: { readonly container: string; readonly name: string };
  readonly item: { readonly collectionId: string; readonly itemId: string };
  /** The raster it was made from, on this machine. */
  readonly source: string;
}

/** `file:` links; picture: null when there is nothing to see. */
export interface Outputs {
  readonly cog: string;
  readonly item: string;
  readonly picture: string | null;
}

/** Writes the COG, its picture and its STAC item into `folder`, where they stay when the stack ends. */
export async function saveOutputs(
  folder: string,
  made: Made,
  { blobs, databaseUrl }: { readonly blobs: BlobStore; readonly databaseUrl: string },
): Promise<Outputs> {
  await mkdir(folder, { recursive: true });
  const stem = basename(made.source).replace(/\.[^.]+$/, '');
  const [cog, item, picture] = [basename(made.cog.name), `${stem}.json`, `${stem}.webp`];
  const catalogued = await itemOf(databaseUrl, made.item);
  await blobs.download(made.cog, join(folder, cog));
  const hasPicture = isObject(catalogued.assets) && catalogued.assets.thumbnail !== undefined;
  const thumbnail = { container: made.cog.container, name: thumbnailName(made.cog, made.cog.container) };
  if (hasPicture) await blobs.download(thumbnail, join(folder, picture));
  const hrefs = { data: `./${encodeURIComponent(cog)}`, thumbnail: `./${encodeURIComponent(picture)}` };
  const alone = standaloneItem(catalogued, { ...hrefs, source: pathToFileURL(made.source).href });
  await writeFile(join(folder, item), `${JSON.stringify(alone, null, 2)}\n`);
  return {
    cog: fileLink(folder, cog),
    item: fileLink(folder, item),
    picture: hasPicture ? fileLink(folder, picture) : null,
  };
}

/** The item as a file beside its COG: its assets lie elsewhere, and there is no collection to link to. */
export function standaloneItem(item: StacItem, hrefs: Readonly<Record<string, string>>): JsonObject {
  const { collection: _, assets, links, ...rest } = item;
  const moved = Object.entries(isObject(assets) ? assets : {}).map(([name, asset]) => [
    name,
    { ...(asset as JsonObject), ...(hrefs[name] !== undefined && { href: hrefs[name] }) },
  ]);
  const others = (links as JsonObject[]).filter(({ rel }) => rel !== 'collection');
  return { ...rest, links: others, assets: Object.fromEntries(moved) as JsonObject };
}

async function itemOf(databaseUrl: string, { collectionId, itemId }: Made['item']): Promise<StacItem> {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 1 });
  try {
    const catalogue = await openCatalogue({ pool, log: silentLog, flavour: 'auto' });
    const item = await catalogue.getItem(collectionId, itemId);
    if (!item) throw new Error(`the catalogue has no item ${itemId}`);
    return item;
  } finally {
    await pool.end();
  }
}

function fileLink(folder: string, name: string): string {
  return pathToFileURL(resolve(folder, name)).href;
}
