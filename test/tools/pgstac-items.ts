import pg from 'pg';

/** The ids of a collection's items in pgSTAC, sorted. */
export async function itemIds(databaseUrl: string | undefined, collection: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const select = 'SELECT id FROM pgstac.items WHERE collection = $1 ORDER BY id';
    const { rows } = await client.query<{ id: string }>(select, [collection]);
    return rows.map(({ id }) => id);
  } finally {
    await client.end();
  }
}
