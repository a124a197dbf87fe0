import { writeFile } from 'node:fs/promises';
import { generatedPages, pageFile } from './docs/pages.ts';

for (const page of await generatedPages()) {
  await writeFile(pageFile(page), page.content);
  console.log(`wrote ${page.path}`);
}
