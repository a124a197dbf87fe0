import type { JsonObject } from '../../core/json.ts';
import type { StacItem } from '../../core/ports/catalogue.ts';
import type { CrsDescription } from '../../core/ports/gdal.ts';
import { itemUrls, type LinkSettings, type Render } from '../links/titiler-urls.ts';
import type { AcquisitionTime } from './acquisition-time.ts';
import { bandObjects } from './bands.ts';
import { extensions } from './extensions.ts';
import type { Footprint } from './footprint/footprint.ts';
import type { ItemBody } from './item-body.ts';
import { itemRender } from './item-render.ts';
import { mediaTypeByName, mediaTypeOf } from './media-types.ts';
import type { BandStatistics, RasterFacts } from './raster-facts.ts';

/** Everything an item says of its raster, gathered. Building it asks nobody for anything. */
export interface ItemParts {
  readonly facts: RasterFacts;
  readonly crs: CrsDescription | null;
  readonly footprint: Footprint;
  readonly statistics: readonly (BandStatistics | null)[];
  readonly acquired: AcquisitionTime | null;
  readonly data: { readonly href: string; readonly sizeBytes: number; readonly headerBytes: number | null };
  /** null when there is nothing to see. */
  readonly thumbnailHref: string | null;
  readonly source: { readonly href: string; readonly blobName: string } | null;
  readonly render: Render;
  readonly isPhoto: boolean;
}

export function buildItemBody(parts: ItemParts): ItemBody {
  const { facts, footprint, acquired, source, thumbnailHref } = parts;
  return {
    geometry: footprint.geometry,
    bbox: [...footprint.bbox],
    acquired: acquired && { ...acquired },
    properties: { ...crsProperties(parts.crs, facts), renders: { default: renderObject(parts.render) } },
    assets: {
      data: dataAsset(parts),
      ...(thumbnailHref !== null && { thumbnail: thumbnailAsset(thumbnailHref) }),
      ...(source && { source: sourceAsset(source) }),
    },
  };
}

export interface ItemPlace {
  readonly itemId: string;
  readonly collectionId: string;
  /** ISO 8601: when the item was made. */
  readonly now: string;
  readonly links: LinkSettings;
}

/** A STAC 1.1 item of one raster. */
export function buildItem(body: ItemBody, place: ItemPlace): StacItem {
  const { links, collectionId } = place;
  return {
    type: 'Feature',
    stac_version: '1.1.0',
    stac_extensions: [
      extensions.projection,
      extensions.raster,
      extensions.file,
      extensions.render,
      ...(links.titilerBaseUrl === null ? [] : [extensions.webMapLinks]),
    ],
    id: place.itemId,
    collection: collectionId,
    geometry: body.geometry,
    bbox: body.bbox,
    properties: { ...timeProperties(body.acquired, place.now), ...body.properties },
    links: [collectionLink(collectionId), ...mapLinks(body, place)],
    assets: body.assets,
  };
}

/** Without a time of its own, a raster is shown at the time it was made. Spans keep a `datetime`: their start. */
function timeProperties(acquired: AcquisitionTime | null, now: string): JsonObject {
  return {
    datetime: acquired?.start ?? now,
    ...(acquired?.end && { start_datetime: acquired.start, end_datetime: acquired.end }),
    created: now,
    updated: now,
  };
}

function crsProperties(crs: CrsDescription | null, facts: RasterFacts): JsonObject {
  return crs?.authorityCode ? { 'proj:code': crs.authorityCode } : { 'proj:wkt2': crs?.wkt2 ?? facts.crs };
}

/** A render of the render extension. */
export function renderObject({ bands, rescale, colormapName }: Render): JsonObject {
  return {
    title: 'As the thumbnail shows it',
    assets: ['data'],
    ...(bands && { bidx: [...bands], asset_bidx: `data|${bands.join(',')}` }),
    ...(rescale && { rescale: rescale.map((range) => [...range]) }),
    ...(colormapName && { colormap_name: colormapName }),
  };
}

function dataAsset(parts: ItemParts): JsonObject {
  const { facts, data } = parts;
  const [g0 = 0, g1 = 1, g2 = 0, g3 = 0, g4 = 0, g5 = 1] = facts.geoTransform;
  return {
    href: data.href,
    type: mediaTypeOf(facts),
    title: 'Raster',
    roles: parts.isPhoto ? ['data', 'visual'] : ['data'],
    'file:size': data.sizeBytes,
    ...(data.headerBytes !== null && { 'file:header_size': data.headerBytes }),
    ...crsProperties(parts.crs, facts),
    'proj:shape': [facts.height, facts.width],
    'proj:transform': [g1, g2, g0, g4, g5, g3],
    'proj:bbox': projectedBox(facts),
    ...bandObjects(facts.bands, parts.statistics),
  };
}

function projectedBox({ width, height, geoTransform }: RasterFacts): number[] {
  const [g0 = 0, g1 = 1, g2 = 0, g3 = 0, g4 = 0, g5 = 1] = geoTransform;
  const xs = [g0, g0 + width * g1, g0 + height * g2, g0 + width * g1 + height * g2];
  const ys = [g3, g3 + width * g4, g3 + height * g5, g3 + width * g4 + height * g5];
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}

function thumbnailAsset(href: string): JsonObject {
  return { href, type: 'image/webp', title: 'Thumbnail', roles: ['thumbnail'] };
}

function sourceAsset({ href, blobName }: { href: string; blobName: string }): JsonObject {
  return { href, type: mediaTypeByName(blobName), title: 'What the raster was made from', roles: ['source'] };
}

/** An item that names a collection must link to it; STAC APIs serve it two steps up, and put their own link here. */
function collectionLink(collectionId: string): JsonObject {
  return { rel: 'collection', href: `../../${encodeURIComponent(collectionId)}`, type: 'application/json' };
}

/** For viewers such as STAC Browser; https://github.com/stac-extensions/web-map-links */
function mapLinks(body: ItemBody, { links, collectionId, itemId }: ItemPlace): JsonObject[] {
  const render = itemRender(body);
  const { tilejson_url, tiles_url, viewer_url } = itemUrls(links, { collectionId, itemId, render }).titiler_urls;
  if (tilejson_url === null || tiles_url === null || viewer_url === null) return [];
  return [
    { rel: 'tilejson', href: tilejson_url, type: 'application/json', render: 'default' },
    { rel: 'xyz', href: tiles_url, type: 'image/png', render: 'default' },
    { rel: 'preview', href: viewer_url, type: 'text/html', title: 'Map' },
  ];
}
