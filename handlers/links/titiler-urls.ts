import type { JobSettings, TitilerDialect } from '../../core/services.ts';

/** Addresses of one item or search in titiler-pgstac; null where the dialect has no such endpoint, or no base URL is set. */
export interface TitilerUrls {
  readonly viewer_url: string | null;
  readonly tilejson_url: string | null;
  /** With literal `{z}/{x}/{y}`. */
  readonly tiles_url: string | null;
  readonly preview_url: string | null;
  readonly thumbnail_url: string | null;
  readonly info_url: string | null;
  readonly bounds_url: string | null;
  readonly statistics_url: string | null;
}

/** How to draw a raster: without it every band is drawn as it is, which is right for 8-bit pictures alone. */
export interface Render {
  /** Bands from 1, one or three of them; absent: all. */
  readonly bands?: readonly number[] | undefined;
  /** [darkest, brightest] of each band, or one for all. */
  readonly rescale?: readonly (readonly [number, number])[] | undefined;
  /** One of titiler's colour maps, e.g. `terrain`; for one band. */
  readonly colormapName?: string | undefined;
}

export interface LinkSettings extends Pick<JobSettings, 'titilerBaseUrl' | 'titilerDialect'> {}

interface Place {
  readonly share_url: string | null;
  readonly titiler_urls: TitilerUrls;
}

const grid = 'WebMercatorQuad';
const previewSize = 512;
const thumbnailSize = 256;

/** Links of one item: picture, viewer, facts. */
export function itemUrls(
  settings: LinkSettings,
  item: { readonly collectionId: string; readonly itemId: string; readonly render?: Render | undefined },
): Place {
  const { titilerBaseUrl: base, titilerDialect: dialect } = settings;
  if (base === null) return nowhere;
  const prefix = `${base}/collections/${segment(item.collectionId)}/items/${segment(item.itemId)}`;
  const urls = mapUrls(prefix, dialect, item.render);
  const plain = `?${assets(dialect, undefined)}`;
  const picture = queryOf(dialect, item.render);
  return place({
    ...urls,
    preview_url: `${prefix}/preview.png?max_size=${previewSize}&${picture}`,
    thumbnail_url: `${prefix}/preview.png?max_size=${thumbnailSize}&${picture}`,
    info_url: `${prefix}/info${plain}`,
    bounds_url: hasBounds(dialect) ? `${prefix}/bounds${plain}` : null,
    statistics_url: `${prefix}/statistics${plain}`,
  });
}

/** Links of a registered search, which is how a collection is shown as one mosaic. It has no preview and no bounds. */
export function searchUrls(
  settings: LinkSettings,
  search: { readonly searchId: string; readonly render?: Render | undefined },
): Place {
  const { titilerBaseUrl: base, titilerDialect: dialect } = settings;
  if (base === null) return nowhere;
  const prefix = `${base}/searches/${segment(search.searchId)}`;
  return place({
    ...nothing,
    ...mapUrls(prefix, dialect, search.render),
    info_url: `${prefix}/info?${assets(dialect, undefined)}`,
  });
}

function mapUrls(prefix: string, dialect: TitilerDialect, render: Render | undefined) {
  const query = queryOf(dialect, render);
  return {
    viewer_url: `${prefix}/${grid}/${dialect === '1.5' ? 'map' : 'map.html'}?${query}`,
    tilejson_url: `${prefix}/${grid}/tilejson.json?${query}`,
    tiles_url: `${prefix}/tiles/${grid}/{z}/{x}/{y}?${query}`,
  };
}

function queryOf(dialect: TitilerDialect, render: Render | undefined): string {
  const { rescale = [], colormapName } = render ?? {};
  const parts = [assets(dialect, render?.bands), ...rescale.map((range) => `rescale=${range.map(decimal).join(',')}`)];
  if (colormapName !== undefined) parts.push(`colormap_name=${encodeURIComponent(colormapName)}`);
  return parts.join('&');
}

/** The bands of an asset were a parameter of their own until titiler-pgstac 3, which puts them behind its name. */
function assets(dialect: TitilerDialect, bands: readonly number[] | undefined): string {
  if (bands === undefined) return 'assets=data';
  const chosen = bands.join(',');
  return dialect === '3' ? `assets=data%7Cbidx%3D${chosen}` : `assets=data&asset_bidx=data%7C${chosen}`;
}

/** Gone with titiler 0.25, on which titiler-pgstac 2.0 stands. */
function hasBounds(dialect: TitilerDialect): boolean {
  return dialect === '1.5' || dialect === '1.8';
}

/** A plus sign, as in 1e+21, would be read as a space. */
function decimal(value: number): string {
  return encodeURIComponent(String(value));
}

function segment(name: string): string {
  return encodeURIComponent(name);
}

function place(urls: TitilerUrls): Place {
  return { share_url: urls.viewer_url, titiler_urls: urls };
}

const nothing: TitilerUrls = {
  viewer_url: null,
  tilejson_url: null,
  tiles_url: null,
  preview_url: null,
  thumbnail_url: null,
  info_url: null,
  bounds_url: null,
  statistics_url: null,
};

const nowhere = place(nothing);
