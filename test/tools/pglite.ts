import { PGlite } from '@electric-sql/pglite';
import { servePglite } from '../../src/local/stack/pglite-server.ts';

export interface TestPglite {
  readonly url: string;
  stop(): Promise<void>;
}

/** PGlite in memory, in this process, behind the embedded stack's own server on a free port. */
export async function startPglite(): Promise<TestPglite> {
  const database = await PGlite.create();
  const server = await servePglite(database, 0);
  const stop = async () => {
    await server.close();
    await database.close();
  };
  return { url: `postgresql://postgres@127.0.0.1:${server.port}/postgres`, stop };
}
