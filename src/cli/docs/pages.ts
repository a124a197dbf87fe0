import { JobRegistry } from '../../../core/registry.ts';
import { jobTypes } from '../../../jobs/index.ts';
import { openApiDocument } from '../../http/openapi.ts';
import { routes } from '../../http/routes/index.ts';
import { errorsPage } from './errors.ts';
import { jobsPage } from './jobs.ts';
import { exampleSettings, settingsPage } from './settings.ts';

export interface GeneratedPage {
  /** From the repository's root. */
  readonly path: string;
  readonly content: string;
}

/** Everything that is generated from the definitions and committed; a test compares it with the files. */
export async function generatedPages(): Promise<GeneratedPage[]> {
  const { definitions } = new JobRegistry(jobTypes);
  return [
    { path: 'docs/jobs.md', content: jobsPage(definitions) },
    { path: 'docs/errors.md', content: errorsPage() },
    { path: 'docs/openapi.json', content: `${JSON.stringify(openApiDocument(routes, definitions), null, 2)}\n` },
    { path: 'docs/configuration.md', content: settingsPage() },
    { path: 'local.settings.example.json', content: exampleSettings() },
  ];
}

export function pageFile(page: GeneratedPage): URL {
  return new URL(`../../../${page.path}`, import.meta.url);
}
