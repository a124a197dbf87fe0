import {
  type SettingDoc,
  type SettingName,
  settingDocs,
  settingGroups,
  settingNames,
  settingsSchema,
} from '../../config/settings.ts';

/** local.settings.example.json: every setting once, with values for the official emulators. */
export function exampleSettings(): string {
  const values = Object.fromEntries(settingNames.map((name) => [name, exampleOf(name)]));
  const file = { IsEncrypted: false, Values: values, Host: { LocalHttpPort: 7071 } };
  return `${JSON.stringify(file, null, 2)}\n`;
}

/** docs/configuration.md: one table a group. */
export function settingsPage(): string {
  return [
    '# Configuration',
    '',
    'Generated from `src/config/settings.ts` by `./run docs`. All settings are environment variables (application settings',
    'in Azure, `local.settings.json` with Core Tools). They are read once, at the start; an empty one counts as not set.',
    'Anything missing, malformed or contradicting stops the start with `CONFIGURATION_INVALID`, which lists every problem; so',
    'does a name that looks like one of these and is none. Settings marked *secret* are never logged.',
    '',
    'Settings read by the *host* must be where it finds them: it opens the queue triggers itself. Its own (`FUNCTIONS_*`,',
    '`AzureWebJobs*`, `WEBSITE_*`, `AZURE_*`) pass through; the ones you need are in the last table.',
    '',
    ...settingGroups.flatMap(groupTable),
  ].join('\n');
}

function groupTable(group: SettingDoc['group']): string[] {
  const rows = settingNames.filter((name) => docOf(name).group === group).map(row);
  return [`## ${group}`, '', '| setting | values | when not set | meaning |', '|---|---|---|---|', ...rows, ''];
}

function row(name: SettingName): string {
  const { meaning, secret, readBy } = docOf(name);
  const notes = [secret && '*Secret.*', readBy && `Read by the ${readBy}.`].filter(Boolean).join(' ');
  return `| \`${name}\` | ${valuesOf(name)} | ${whenNotSet(name)} | ${meaning}${notes ? ` ${notes}` : ''} |`;
}

function whenNotSet(name: SettingName): string {
  const { otherwise } = docOf(name);
  const fallback = defaultOf(name);
  if (otherwise) return otherwise;
  return fallback === undefined ? '**required**' : `\`${fallback}\``;
}

function valuesOf(name: SettingName): string {
  const schema = settingsSchema.shape[name];
  // A value no setting allows: its message says what is allowed.
  const message = schema.safeParse('\u0000').error?.issues[0]?.message ?? 'text';
  return message.replace(/^must be (?:an? )?/, '').replaceAll(' or ', ', ');
}

function exampleOf(name: SettingName): string {
  const { example, otherwise } = docOf(name);
  return example ?? (otherwise ? '' : (defaultOf(name) ?? ''));
}

/** The default as it would be written; undefined for a required setting. */
function defaultOf(name: SettingName): string | undefined {
  const parsed = settingsSchema.shape[name].safeParse(undefined);
  return parsed.success ? String(parsed.data ?? '') : undefined;
}

function docOf(name: SettingName): SettingDoc {
  const doc = settingDocs.get(settingsSchema.shape[name]);
  if (doc === undefined) throw new Error(`the setting ${name} has no documentation`);
  return doc;
}
