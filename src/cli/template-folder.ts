import { fileURLToPath } from 'node:url';

/** Where the embedded database's template is kept, with the other things that `./run clean` removes. */
export const templateFolder = fileURLToPath(new URL('../../.cache/pglite/', import.meta.url));
