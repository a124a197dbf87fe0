/** App settings, as in local.settings.json or the environment. */
export type Settings = Readonly<Record<string, string | undefined>>;

export class SettingsError extends Error {
  override readonly name = 'SettingsError';
}

/** Reads a setting without regard to case; `:` and `__` separate sections alike, as in the Functions host. */
export function readSetting(settings: Settings, name: string): string | undefined {
  const wanted = canonical(name);
  const value =
    settings[name] ??
    Object.entries(settings).find(([key, entry]) => entry !== undefined && canonical(key) === wanted)?.[1];
  return value === '' ? undefined : value;
}

/** Replaces every `%NAME%`. Throws SettingsError naming the first one that is not set. */
export function resolveExpressions(text: string, settings: Settings): string {
  return text.replace(/%([^%]+)%/g, (expression, name: string) => {
    const value = readSetting(settings, name);
    if (value === undefined)
      throw new SettingsError(`'${expression}' does not resolve to a value: the setting ${name} is missing`);
    return value;
  });
}

function canonical(name: string): string {
  return name.toLowerCase().replaceAll('__', ':');
}
