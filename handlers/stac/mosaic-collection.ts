import { isObject, type JsonObject } from '../../core/json.ts';
import type { StacCollection } from '../../core/ports/catalogue.ts';
import type { Render, TitilerUrls } from '../links/titiler-urls.ts';
import type { Cover } from './cover.ts';
import { extensions } from './extensions.ts';
import { renderObject } from './item-builder.ts';

/** What a collection of tiles says of itself. */
export interface MosaicCollectionParts {
  readonly id: string;
  /** Of the tiles; other than `id` where several share the collection. */
  readonly name: string;
  readonly description: string;
  readonly cover: Cover;
  readonly mosaicjsonUrl: string | null;
  /** null until all tiles are known. */
  readonly shown: Shown | null;
}

export interface Shown {
  readonly render: Render;
  readonly zooms: readonly [number, number];
  readonly urls: TitilerUrls;
}

/**
 * `item_assets` says only what every tile has and no run changes: pgSTAC takes it out of the items and puts it back on
 * reading, so that a change of it here would change items that nobody wrote.
 */
export function mosaicCollection(parts: MosaicCollectionParts, present: StacCollection | null): StacCollection {
  const links = mapLinks(parts.shown);
  const assets = mosaicAssets(parts, present);
  return {
    type: 'Collection',
    stac_version: '1.1.0',
    stac_extensions: [
      ...(parts.shown ? [extensions.render] : []),
      ...(links.length > 0 ? [extensions.webMapLinks] : []),
    ],
    id: parts.id,
    title: parts.id,
    description: parts.description,
    ...kept(present),
    extent: {
      spatial: { bbox: [[...parts.cover.bbox]] },
      temporal: { interval: [[...parts.cover.interval]] },
    },
    item_assets: { data: { title: 'Raster', type: 'image/tiff; application=geotiff; profile=cloud-optimized' } },
    ...(Object.keys(assets).length > 0 && { assets }),
    ...(parts.shown && { renders: { default: collectionRender(parts.shown) } }),
    links,
  };
}

/** What people add by hand stays. */
function kept(present: StacCollection | null): JsonObject {
  const { license = 'other', keywords, providers }: JsonObject = present ?? {};
  return { license, ...(keywords && { keywords }), ...(providers && { providers }) };
}

/** `mosaicjson`, or `mosaicjson-{name}` in a collection that others share; theirs stay. */
function mosaicAssets({ id, name, mosaicjsonUrl }: MosaicCollectionParts, present: StacCollection | null): JsonObject {
  const key = name === id ? 'mosaicjson' : `mosaicjson-${name}`;
  const there = Object.entries(isObject(present?.assets) ? present.assets : {});
  const others = there.filter(([other]) => other.startsWith('mosaicjson') && other !== key);
  return { ...Object.fromEntries(others), ...(mosaicjsonUrl !== null && { [key]: mosaicAsset(mosaicjsonUrl) }) };
}

function mosaicAsset(href: string): JsonObject {
  return { href, type: 'application/json', title: 'MosaicJSON', roles: ['index', 'mosaic'] };
}

function collectionRender({ render, zooms }: Shown): JsonObject {
  return { ...renderObject(render), title: 'All tiles as one map', minmax_zoom: [...zooms] };
}

/** For viewers such as STAC Browser; https://github.com/stac-extensions/web-map-links */
function mapLinks(shown: Shown | null): JsonObject[] {
  const { tilejson_url, tiles_url, viewer_url } = shown?.urls ?? {};
  if (!tilejson_url || !tiles_url || !viewer_url) return [];
  return [
    { rel: 'tilejson', href: tilejson_url, type: 'application/json' },
    { rel: 'xyz', href: tiles_url, type: 'image/png' },
    { rel: 'preview', href: viewer_url, type: 'text/html', title: 'Map' },
  ];
}
