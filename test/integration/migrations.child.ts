import { once } from 'node:events';
import { migrate } from '../../infrastructure/postgres/migrate.ts';

/** One of twenty processes: says that it is ready, waits for the word, migrates, says what it applied. */
const [url = '', folder = ''] = process.argv.slice(2);
process.send?.('ready');
await once(process, 'message');
process.send?.(await migrate({ url }, folder));
process.disconnect?.();
