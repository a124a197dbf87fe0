import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readCsv } from '../../infrastructure/gdal/operations/vector/csv-reader.ts';

const folder = await mkdtemp(join(tmpdir(), 'coremachine-csv-'));
after(() => rm(folder, { recursive: true, force: true }));

async function records(text: string): Promise<string[][]> {
  const file = join(folder, 'file.csv');
  await writeFile(file, text);
  const found: string[][] = [];
  await readCsv(file, () => (fields) => found.push([...fields]));
  return found;
}

const cases: readonly (readonly [title: string, text: string, expected: string[][]])[] = [
  [
    'a quote inside of a field is a letter',
    'a,b\n1,5" pipe\n2,6" pipe\n',
    [
      ['a', 'b'],
      ['1', '5" pipe'],
      ['2', '6" pipe'],
    ],
  ],
  [
    'beside quoted ones',
    'a,b\n5" x,"y\nz"\n"1",2" w\r\n3,4',
    [
      ['a', 'b'],
      ['5" x', 'y\nz'],
      ['1', '2" w'],
      ['3', '4'],
    ],
  ],
  [
    'before a feed in quotes',
    'a,b\n5","x, ""y""\nz"\n3,\n',
    [
      ['a', 'b'],
      ['5"', 'x, "y"\nz'],
      ['3', ''],
    ],
  ],
  [
    'a blank before a quote makes it a letter',
    'a,b\n1, "x\n2,y\n',
    [
      ['a', 'b'],
      ['1', ' "x'],
      ['2', 'y'],
    ],
  ],
  [
    'what follows a quoted field is kept',
    'a,b\n"x"y,2\n',
    [
      ['a', 'b'],
      ['xy', '2'],
    ],
  ],
  [
    'empty fields in quotes',
    'a,b\n"",""\n"""",\n',
    [
      ['a', 'b'],
      ['', ''],
      ['"', ''],
    ],
  ],
  [
    'delimiters in a quoted header do not count',
    '"a;b;c;d",e,f\n1,2,3\n',
    [
      ['a;b;c;d', 'e', 'f'],
      ['1', '2', '3'],
    ],
  ],
  [
    'a feed in a quoted header after another delimiter',
    'a;"b\nc";d\n1;2;3\n',
    [
      ['a', 'b\nc', 'd'],
      ['1', '2', '3'],
    ],
  ],
  [
    'nor the other way round',
    'lat;lon;"name, place, street, zip"\n1;2;x\n',
    [
      ['lat', 'lon', 'name, place, street, zip'],
      ['1', '2', 'x'],
    ],
  ],
  [
    'a feed in a quoted header',
    '"a\nb",c\n1,2\n',
    [
      ['a\nb', 'c'],
      ['1', '2'],
    ],
  ],
  [
    'a quote that nothing closes',
    'a,b\n1,"x\n2,y',
    [
      ['a', 'b'],
      ['1', 'x\n2,y\n'],
    ],
  ],
];

for (const [title, text, expected] of cases) {
  test(`${title}: ${JSON.stringify(text)}`, async () => {
    assert.deepEqual(await records(text), expected);
  });
}

test('records that lie across two blocks of the file, at every letter', async () => {
  const block = 1024 * 1024;
  const tail = '1,"x ""y""\nz"\r\n2,5" pipe\n"",w\n';
  const expected = [
    ['1', 'x "y"\nz'],
    ['2', '5" pipe'],
    ['', 'w'],
  ];
  for (let before = 0; before <= tail.length; before += 1) {
    const first = `0,${'-'.repeat(block - before - 'a,b\n0,\n'.length)}`;
    const found = await records(`a,b\n${first}\n${tail}`);
    assert.deepEqual(found.slice(2), expected, `${before}`);
  }
});
