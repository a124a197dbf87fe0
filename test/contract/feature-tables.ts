import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { FeatureTables } from '../../core/ports/feature-tables.ts';
import { binaryHead, binaryTail } from '../../infrastructure/rows/binary-copy.ts';
import { packedBlock } from '../../infrastructure/rows/blocks.ts';

export interface FeatureTablesUnderTest {
  readonly tables: FeatureTables;
  sql<Row extends object>(statement: string): Promise<Row[]>;
  close(): Promise<void>;
}

const job = (digit: string) => digit.repeat(64);
const columns = [
  { name: 'name', type: 'text' },
  { name: 'n', type: 'bigint' },
  { name: 'list', type: 'text[]' },
  { name: 'at', type: 'timestamptz' },
];
const int64 = (value: bigint) => value.toString(16).padStart(16, '0');
const pointHex = '0104000020E6100000010000000101000000000000000000F03F0000000000000040';

/** What every implementation must do. */
export function featureTablesSuite(title: string, open: () => Promise<FeatureTablesUnderTest>): void {
  describe(title, () => {
    let folder = '';
    let subject: FeatureTablesUnderTest;
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'coremachine-rows-'));
      subject = await open();
    });
    after(async () => {
      await subject?.close();
      await rm(folder, { recursive: true, force: true });
    });

    const chunk = async (from: number, count: number) => {
      const file = join(folder, `${from}-${count}.copy.zst`);
      const rows = Array.from({ length: count }, (_, index) =>
        [
          from + index,
          pointHex,
          `a\\tb\\\\c\\\nd ë ${from + index}`,
          '9007199254740993',
          '{"p","q,\\\\"r"}',
          '2020-01-02 03:04:05',
        ].join('\t'),
      );
      const bytes = Buffer.from(`${rows.join('\n')}\n`);
      // Blocks end anywhere: within a row, and within a letter.
      const cut = bytes.indexOf('ë') + 1;
      await writeFile(file, Buffer.concat([packedBlock(bytes.subarray(0, cut)), packedBlock(bytes.subarray(cut))]));
      return file;
    };
    const begin = (jobId: string, run = 1, attempt = 1) =>
      subject.tables.begin({ jobId, run, attempt, columns, geometryType: 'MultiPoint' });
    const count = async (table: string) =>
      (await subject.sql<{ n: number }>(`SELECT count(*)::int AS n FROM ${table}`))[0]?.n;

    test('chunks that come twice, also at once, are there once; the rows are what the file says', async () => {
      const load = { jobId: job('a'), run: 1 };
      await begin(load.jobId);
      const [first, second] = [await chunk(1, 1200), await chunk(1201, 7)];
      const adding = [first, second, first, second, first].map((file) =>
        subject.tables.addChunk(load, file === first ? 0 : 1, file),
      );
      assert.deepEqual(await Promise.all(adding), [1200, 7, 1200, 7, 1200]);
      await subject.tables.index(load, { spatial: true, columns: ['n'] });
      await subject.tables.index(load, { spatial: true, columns: ['n'] });
      const target = { schema: 'geo', table: 'twice' };
      const publication = { target, method: 'fail' as const, rows: 1207 };
      assert.equal(await subject.tables.publish(load, publication), 1207);
      assert.equal(await subject.tables.publish(load, publication), 1207);
      assert.equal(await count('geo.twice'), 1207);
      const [row] = await subject.sql<{ name: string; n: string; list: string[]; at: Date; x: number }>(
        'SELECT name, n::text, list, at, ST_X(ST_GeometryN(geom, 1)) AS x FROM geo.twice WHERE id = 3',
      );
      const at = new Date('2020-01-02T03:04:05Z');
      assert.deepEqual(row, { name: 'a\tb\\c\nd ë 3', n: '9007199254740993', list: ['p', 'q,"r'], at, x: 1 });
      assert.equal((await subject.tables.describe(target))?.madeBy, load.jobId);
      const { rowCount, bbox, geometryTypes } = await subject.tables.summarize(target);
      assert.deepEqual(
        { rowCount, bbox, geometryTypes },
        { rowCount: 1207, bbox: [1, 2, 1, 2], geometryTypes: ['MultiPoint'] },
      );
      await subject.tables.analyze(target);
      const [statistics] = await subject.sql(
        `SELECT n_distinct FROM pg_stats WHERE tablename = 'twice' AND attname = 'n'`,
      );
      assert.deepEqual(statistics, { n_distinct: 1 });
      await subject.tables.remove(load);
      assert.equal(await count('geo.twice'), 1207);
    });

    test('chunks in the binary format, where they are taken', async (context) => {
      if (!subject.tables.binaryRows) return context.skip('this server takes texts alone');
      const load = { jobId: job('8'), run: 1 };
      await subject.tables.begin({
        ...load,
        attempt: 1,
        columns: [{ name: 'n', type: 'bigint' }],
        geometryType: 'MultiPoint',
      });
      const row = (id: bigint, geometry: string) => {
        const size = (geometry.length / 2).toString(16).padStart(8, '0');
        return Buffer.from(`000300000008${int64(id)}${size}${geometry}00000008${int64(2n ** 53n + 1n)}`, 'hex');
      };
      const write = async (name: string, rows: readonly Buffer[]) => {
        const file = join(folder, name);
        const bytes = Buffer.concat([binaryHead, ...rows, binaryTail]);
        await writeFile(file, Buffer.concat([packedBlock(bytes.subarray(0, 40)), packedBlock(bytes.subarray(40))]));
        return file;
      };
      const good = [row(1n, pointHex), row(2n, pointHex)];
      const bad = [row(1n, pointHex), row(2n, `0101000020E6100000${pointHex.slice(-32)}`)];
      await assert.rejects(subject.tables.addChunk(load, 0, await write('bad-binary', bad)), { code: 'INVALID_ROWS' });
      assert.equal(await subject.tables.addChunk(load, 0, await write('good-binary', good)), 2);
      const target = { schema: 'geo', table: 'from_binary' };
      assert.equal(await subject.tables.publish(load, { target, method: 'fail', rows: 2 }), 2);
      const [found] = await subject.sql(
        'SELECT n::text, ST_Y(ST_GeometryN(geom, 1)) AS y FROM geo.from_binary WHERE id = 2',
      );
      assert.deepEqual(found, { n: '9007199254740993', y: 2 });
      await subject.tables.remove(load);
    });

    // Where the sides of a box bulge in degrees its corners say too little.
    const boxes: readonly (readonly [column: string, rows: string, srid: number, bbox: readonly number[] | null])[] = [
      [
        'geometry(Polygon, 3413)',
        'ST_MakeEnvelope(-1000000, -1000000, 1000000, 1000000, 3413)',
        3413,
        [-180, 76.35, 180, 90],
      ],
      [
        'geometry(Polygon, 3035)',
        'ST_MakeEnvelope(2500000, 1400000, 7400000, 5500000, 3035)',
        3035,
        [-35.4, 29.65, 73.2, 72.75],
      ],
      ['geometry', 'ST_SetSRID(ST_MakePoint(500000, 5500000), 32633)', 32633, [15, 49.65, 15, 49.65]],
      [
        'geometry',
        'unnest(ARRAY[ST_SetSRID(ST_MakePoint(500000, 5500000), 32633), ST_SetSRID(ST_MakePoint(1, 2), 4326), NULL])',
        0,
        [1, 2, 15, 49.65],
      ],
      ['geometry', 'ST_MakePoint(1, 2)', 0, [1, 2, 1, 2]],
      ['geometry', 'ST_MakePoint(500000, 5500000)', 0, null],
      ['geometry', 'unnest(ARRAY[ST_SetSRID(ST_MakePoint(1, 2), 4326), ST_MakePoint(500000, 0)])', 0, null],
      ['geometry(Point, 4326)', 'ST_SetSRID(ST_MakePoint(500000, 5500000), 4326)', 4326, null],
      ['geometry(Point, 32633)', 'NULL::geometry', 32633, null],
    ];
    for (const [index, [column, rows, srid, bbox]] of boxes.entries()) {
      test(`the box in degrees of a column ${column} with ${rows}`, async () => {
        const target = { schema: 'geo', table: `boxed_${index}` };
        await subject.sql(`CREATE SCHEMA IF NOT EXISTS geo; CREATE TABLE geo.boxed_${index} (geom ${column});
          INSERT INTO geo.boxed_${index} SELECT ${rows}`);
        const found = await subject.tables.summarize(target);
        assert.equal(found.srid, srid);
        assert.deepEqual(
          found.bbox?.map((side) => Math.round(side * 20) / 20) ?? null,
          bbox?.map((side) => Math.round(side * 20) / 20) ?? null,
        );
        const [outside] = await subject.sql<{ n: number }>(`SELECT count(*)::int AS n FROM geo.boxed_${index} AS t,
            ST_DumpPoints(ST_Transform(ST_Segmentize(t.geom, 50000), 4326)) AS p
          WHERE ST_SRID(t.geom) <> 0 AND ${bbox !== null} AND NOT ST_Covers(ST_MakeEnvelope(${found.bbox ?? '0,0,0,0'}, 4326), p.geom)`);
        assert.equal(outside?.n, 0);
      });
    }

    test('append is done once; a load that lacks rows is not published', async () => {
      const load = { jobId: job('b'), run: 1 };
      await begin(load.jobId);
      await subject.tables.addChunk(load, 0, await chunk(1, 5));
      const target = { schema: 'geo', table: 'twice' };
      await assert.rejects(subject.tables.publish(load, { target, method: 'append', rows: 6 }), { code: 'INTERNAL' });
      for (let again = 0; again < 3; again += 1) {
        assert.equal(await subject.tables.publish(load, { target, method: 'append', rows: 5 }), 5);
      }
      assert.equal(await count('geo.twice'), 1212);
      await subject.tables.remove(load);
    });

    /** Replaces a table by five rows. */
    const replaced = async (digit: string, schema: string, table: string) => {
      const load = { jobId: job(digit), run: 1 };
      await begin(load.jobId);
      await subject.tables.addChunk(load, 0, await chunk(1, 5));
      await subject.tables.index(load, { spatial: true, columns: [] });
      try {
        await subject.tables.publish(load, { target: { schema, table }, method: 'replace', rows: 5 });
      } finally {
        await subject.tables.remove(load);
      }
    };

    test('replace keeps comments and grants, those of columns too', async () => {
      const reader = `reader_${process.pid}_${Date.now()}`;
      await subject.sql(`CREATE ROLE "${reader}"`);
      await subject.sql(`CREATE TABLE geo.kept (id bigint, name text, gone text);
        COMMENT ON TABLE geo.kept IS 'it''s \\ kept'; COMMENT ON COLUMN geo.kept.name IS 'a name';
        COMMENT ON COLUMN geo.kept.gone IS 'no more';
        GRANT INSERT ON geo.kept TO "${reader}" WITH GRANT OPTION; GRANT SELECT (id, name, gone) ON geo.kept TO PUBLIC`);
      await replaced('e', 'geo', 'kept');
      assert.equal(await count('geo.kept'), 5);
      const [kept] = await subject.sql(`SELECT obj_description('geo.kept'::regclass) AS whole,
          has_table_privilege('${reader}', 'geo.kept', 'INSERT WITH GRANT OPTION') AS inserts,
          has_table_privilege('${reader}', 'geo.kept', 'SELECT') AS reads`);
      assert.deepEqual(kept, { whole: "it's \\ kept", inserts: true, reads: false });
      const columns = await subject.sql(`SELECT attname, col_description(attrelid, attnum) AS comment FROM pg_attribute
        WHERE attrelid = 'geo.kept'::regclass AND attnum > 0 AND has_column_privilege('${reader}', attrelid, attnum, 'SELECT')
        ORDER BY attnum`);
      assert.deepEqual(columns, [
        { attname: 'id', comment: null },
        { attname: 'name', comment: 'a name' },
      ]);
      await subject.sql(`DROP OWNED BY "${reader}"; DROP ROLE "${reader}"`);
    });

    const tied: readonly (readonly [made: string, named: RegExp])[] = [
      ['ALTER TABLE tied.t ENABLE ROW LEVEL SECURITY', /its row-level security would be lost/],
      ['CREATE POLICY own ON tied.t USING (true)', /its policy own would be lost/],
      [
        'CREATE TRIGGER t BEFORE UPDATE ON tied.t FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()',
        /its trigger t would/,
      ],
      ['CREATE RULE r AS ON DELETE TO tied.t DO INSTEAD NOTHING', /its rule r would/],
      [
        'CREATE TABLE tied.other (id bigint PRIMARY KEY); INSERT INTO tied.other VALUES (1); ALTER TABLE tied.t ADD CONSTRAINT f FOREIGN KEY (id) REFERENCES tied.other',
        /its foreign key f would/,
      ],
      [
        'CREATE TABLE tied.parent (id bigint); ALTER TABLE tied.t INHERIT tied.parent',
        /its inheritance from tied.parent would/,
      ],
      ['CREATE VIEW tied.on_tied AS SELECT * FROM tied.t', /others are built on it/],
      ['ALTER TABLE tied.t RENAME TO real; CREATE VIEW tied.t AS SELECT * FROM tied.real', /it is no plain table/],
    ];
    for (const [index, [made, named]] of tied.entries()) {
      test(`replace refuses what would lose something: ${made}`, async () => {
        await subject.sql(`CREATE SCHEMA tied; CREATE TABLE tied.t (id bigint); INSERT INTO tied.t VALUES (1)`);
        await subject.sql(made);
        await assert.rejects(replaced(index.toString(16), 'tied', 't'), { code: 'TABLE_IN_USE', message: named });
        assert.equal(await count('tied.t'), 1);
        await subject.sql('DROP SCHEMA tied CASCADE');
      });
    }

    test('an attempt that was given up takes nothing back; a removed load takes no rows', async () => {
      const load = { jobId: job('c'), run: 1 };
      await begin(load.jobId, 1, 2);
      await assert.rejects(begin(load.jobId, 1, 1), { code: 'LOAD_ENDED' });
      await subject.tables.addChunk(load, 0, await chunk(1, 5));
      await begin(load.jobId, 1, 3);
      const [loading] = await subject.sql<{ n: number }>('SELECT count(*)::int AS n FROM app.load_chunks');
      assert.equal(loading?.n, 0);
      await subject.tables.remove(load);
      await assert.rejects(subject.tables.addChunk(load, 0, await chunk(1, 5)), { code: 'LOAD_ENDED' });
      const left = await subject.sql(`SELECT 1 FROM pg_tables WHERE schemaname = 'geo_load'`);
      assert.deepEqual(left, []);
    });

    test('rows that the database refuses are an error, and leave none behind', async () => {
      const load = { jobId: job('d'), run: 1 };
      await begin(load.jobId);
      const file = join(folder, 'bad.copy.zst');
      await writeFile(file, packedBlock(Buffer.from(`1\t${pointHex}\ta\tnot a number\t{}\t2020-01-01\n`)));
      await assert.rejects(subject.tables.addChunk(load, 0, file), { code: 'INVALID_ROWS' });
      assert.equal(await subject.tables.addChunk(load, 0, await chunk(1, 2)), 2);
      await subject.tables.remove(load);
    });

    test('loads of runs that are over are found', async () => {
      const run = (digit: string, number: number, status: string, ended: boolean) =>
        subject.sql(`INSERT INTO app.jobs (job_id, job_type, status, run, total_stages, parameters, metadata, correlation_id, completed_at)
          VALUES ('${job(digit)}', 'ingest_vector', '${status}', ${number}, 3, '{}', '{}', 'c', ${ended ? 'now()' : 'null'})`);
      await run('1', 1, 'failed', true);
      await run('2', 1, 'processing', false);
      await run('3', 2, 'processing', false);
      for (const digit of ['1', '2', '3']) await begin(job(digit));
      const found = await subject.tables.ended(10);
      assert.deepEqual(found.map(({ jobId }) => jobId[0]).sort(), ['1', '3']);
      for (const digit of ['1', '2', '3']) await subject.tables.remove({ jobId: job(digit), run: 1 });
    });
  });
}
