import assert from 'node:assert/strict';
import { test } from 'node:test';
import { joinedBands, withOverviews } from '../../infrastructure/gdal/operations/vrt-text.ts';

/** As gdal_translate writes it: two spaces a level. */
function vrt(file: string, bands: readonly number[]): string {
  const band = (number: number) =>
    `  <VRTRasterBand dataType="Byte" band="${number}">\n    <SimpleSource>${file}:${number}</SimpleSource>\n  </VRTRasterBand>\n`;
  const mask = `  <MaskBand>\n    <VRTRasterBand dataType="Byte">\n      ${file}:mask\n    </VRTRasterBand>\n  </MaskBand>\n`;
  return `<VRTDataset>\n${bands.map(band).join('')}${mask}</VRTDataset>`;
}

test('bands of several files follow each other, with the mask of the first', () => {
  const joined = joinedBands([vrt('a', [1, 2]), vrt('b', [1])]);
  assert.deepEqual(joined.match(/band="\d"/g), ['band="1"', 'band="2"', 'band="3"']);
  assert.deepEqual(joined.match(/[ab]:\w+/g), ['a:1', 'a:2', 'b:1', 'a:mask']);
});

test('every band has the band of its number as an overview, the mask has none', () => {
  const text = withOverviews(vrt('a', [1, 2]), ['half.vrt', 'quarter.vrt']);
  const found = [...text.matchAll(/>(\w+)\.vrt<\/SourceFilename><SourceBand>(\d)</g)].map(([, file, band]) => [
    file,
    band,
  ]);
  const expected = ['1', '2'].flatMap((band) => ['half', 'quarter'].map((file) => [file, band]));
  assert.deepEqual(found, expected);
  assert.equal(text.replace(/^ *<Overview>.*\n/gm, ''), vrt('a', [1, 2]));
});
