import { isObject, type JsonValue } from '../../core/json.ts';
import type { StacItem } from '../../core/ports/catalogue.ts';
import type { Render } from '../links/titiler-urls.ts';
import type { ItemBody } from './item-body.ts';

/** How an item wants to be drawn, read back from its `renders`, for the links of a job's result. */
export function itemRender(item: StacItem | Pick<ItemBody, 'properties'>): Render {
  const render = member(member(member(item.properties).renders).default);
  const { bidx, rescale, colormap_name: colormap } = render;
  return {
    bands: Array.isArray(bidx) ? bidx.filter(isNumber) : undefined,
    rescale: Array.isArray(rescale) ? rescale.filter(isRange) : undefined,
    colormapName: typeof colormap === 'string' ? colormap : undefined,
  };
}

function member(value: JsonValue | undefined) {
  return isObject(value) ? value : {};
}

function isNumber(value: JsonValue): value is number {
  return typeof value === 'number';
}

function isRange(value: JsonValue): value is readonly [number, number] {
  return Array.isArray(value) && value.length === 2 && value.every(isNumber);
}
