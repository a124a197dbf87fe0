import { childOptions, childReady } from '../../src/local/stack/child.ts';

/** A process of the stack that says something all the time. */
await childOptions();
childReady({}, async () => {});
setInterval(() => {
  console.log('a line');
  console.error('another');
}, 5);
