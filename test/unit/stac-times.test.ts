import assert from 'node:assert/strict';
import { test } from 'node:test';
import { acquisitionTime } from '../../handlers/stac/acquisition-time.ts';
import { netcdfTime } from '../../handlers/stac/netcdf-time.ts';
import type { RasterFacts } from '../../handlers/stac/raster-facts.ts';

const now = new Date('2026-06-01T00:00:00Z');
const timeOf = (metadata: RasterFacts['metadata']) =>
  acquisitionTime({ metadata, bands: [] } as unknown as RasterFacts, now);
const general = (items: Record<string, string>) => timeOf({ '': items });

test('the tag of a TIFF is a time in UTC, in its own form and in ISO 8601', () => {
  const expected = { start: '2020-02-29T12:34:56.000Z', end: null };
  assert.deepEqual(general({ TIFFTAG_DATETIME: '2020:02:29 12:34:56' }), expected);
  assert.deepEqual(general({ TIFFTAG_DATETIME: '2020-02-29T12:34:56Z' }), expected);
  assert.deepEqual(general({ TIFFTAG_DATETIME: '2020-02-29 14:34:56+02:00' }), expected);
  assert.equal(general({ TIFFTAG_DATETIME: '2020:02:29' })?.start, '2020-02-29T00:00:00.000Z');
});

test('a time that cannot be is none', () => {
  const impossible = [
    '',
    '0000:00:00 00:00:00',
    '2020:02:30 00:00:00',
    '2020:13:01 00:00:00',
    '2027:01:01 00:00:00',
    'yesterday',
  ];
  for (const text of impossible) assert.equal(general({ TIFFTAG_DATETIME: text }), null, text);
  assert.equal(timeOf({}), null);
});

test('when it was taken goes before when the file was written', () => {
  const metadata = {
    '': { TIFFTAG_DATETIME: '2024:01:01 00:00:00' },
    IMAGERY: { ACQUISITIONDATETIME: '2016-01-01 10:10:10', CLOUDCOVER: '7' },
  };
  assert.equal(timeOf(metadata)?.start, '2016-01-01T10:10:10.000Z');
});

test('a NetCDF time axis is a span, or one time', () => {
  const axis = { 'time#units': 'days since 1950-01-01 00:00:00', 'time#calendar': 'standard' };
  assert.deepEqual(
    general({ ...axis, NETCDF_DIM_time_VALUES: '{17897,18231}', TIFFTAG_DATETIME: '2024:01:01 00:00:00' }),
    {
      start: '1999-01-01T00:00:00.000Z',
      end: '1999-12-01T00:00:00.000Z',
    },
  );
  assert.deepEqual(general({ ...axis, NETCDF_DIM_time_VALUES: '17897.5' }), {
    start: '1999-01-01T12:00:00.000Z',
    end: null,
  });
});

test('units, zones and calendars of NetCDF times', () => {
  const at = (units: string, value: number, calendar = 'gregorian') => {
    const found = netcdfTime({ 'time#units': units, 'time#calendar': calendar }, [{ NETCDF_DIM_time: String(value) }]);
    return found && new Date(found.first).toISOString();
  };
  assert.equal(at('hours since 2000-01-01', 36), '2000-01-02T12:00:00.000Z');
  assert.equal(at('seconds since 1970-1-1 0:0:0', 86_400), '1970-01-02T00:00:00.000Z');
  assert.equal(at('minutes since 2000-01-01 00:00:00 +02:00', 60), '1999-12-31T23:00:00.000Z');
  assert.equal(at('days since 0001-01-01', 730_119, 'proleptic_gregorian'), '2000-01-01T00:00:00.000Z');
  // 2000 has no 29th of February in a calendar without leap years: day 60 is the 2nd of March there.
  assert.equal(at('days since 2000-01-01', 60, 'noleap'), '2000-03-02T00:00:00.000Z');
  assert.equal(at('days since 2000-01-01', 60, 'standard'), '2000-03-01T00:00:00.000Z');
  assert.equal(at('days since 2000-01-01', 365 * 4, '365_day'), '2004-01-01T00:00:00.000Z');
  assert.equal(at('days since 2000-01-01', 360 * 2 + 59, '360_day'), '2002-02-28T00:00:00.000Z');
  for (const units of ['months since 2000-01-01', 'days after lunch', 'days since yesterday'])
    assert.equal(at(units, 1), null);
  assert.equal(at('days since 2000-01-01', 1, 'martian'), null);
});

test('the bands of a NetCDF subset say which of the times are in it', () => {
  const metadata = { 'time#units': 'days since 2000-01-01', NETCDF_DIM_time_VALUES: '{0,1,2,3}' };
  const found = netcdfTime(metadata, [{ NETCDF_DIM_time: '1' }, { NETCDF_DIM_time: '2' }]);
  assert.deepEqual(found, { first: Date.UTC(2000, 0, 2), last: Date.UTC(2000, 0, 3) });
});
