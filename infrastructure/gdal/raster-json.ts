import { CoreMachineError } from '../../core/errors.ts';
import { isObject, type JsonObject } from '../../core/json.ts';

/** Strings are matched first, so that the bare words below are only found outside of them. */
const stringsAndBareNumbers = /"(?:[^"\\]|\\.)*"|-?\b(?:nan|inf(?:inity)?)\b/gi;

/**
 * gdalinfo's JSON as an object. GDAL writes values that are no JSON numbers without quotes; they become the strings
 * "NaN", "Infinity" and "-Infinity", which is how newer versions write a nodata value.
 */
export function parseRasterJson(text: string): JsonObject {
  const clean = text.replaceAll(stringsAndBareNumbers, (found) => (found.startsWith('"') ? found : spelled(found)));
  const parsed: unknown = JSON.parse(clean);
  if (!isObject(parsed)) throw new CoreMachineError('GDAL_FAILED', 'gdalinfo gave no object');
  return parsed;
}

function spelled(word: string): string {
  const sign = word.startsWith('-') ? '-' : '';
  return /nan/i.test(word) ? '"NaN"' : `"${sign}Infinity"`;
}
