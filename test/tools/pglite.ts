import { PGlite } from '@electric-sql/pglite';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';

export interface TestPglite {
  readonly url: string;
  stop(): Promise<void>;
}

/** PGlite in memory, in this process, behind its socket server on a free port. */
export async function startPglite(): Promise<TestPglite> {
  const database = await PGlite.create();
  const server = new PGLiteSocketServer({ db: database, host: '127.0.0.1', port: 0, maxConnections: 100 });
  await server.start();
  const stop = async () => {
    await server.stop();
    await database.close();
  };
  return { url: `postgresql://postgres@${server.getServerConn()}/postgres`, stop };
}
