import type { Render } from '../links/titiler-urls.ts';

type Range = readonly [number, number];

/**
 * How tiles are drawn as one picture: bands and colours of the first, and the widest of the ranges, so that equal values
 * are equally bright on both sides of a tile's edge.
 */
export function commonRender(common: Render | null, next: Render): Render {
  if (!common) return next;
  const { rescale: ranges } = common;
  if (!ranges || !next.rescale || ranges.length !== next.rescale.length) return common;
  const rescale = ranges.map((range, index) => widest(range, next.rescale?.[index] ?? range));
  return { ...common, rescale };
}

function widest([low, high]: Range, [low2, high2]: Range): Range {
  return [Math.min(low, low2), Math.max(high, high2)];
}
