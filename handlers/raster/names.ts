interface SourceName {
  readonly blobName: string;
  readonly subdataset: string | null;
}

/** `{blob path without extension}[_{subdataset}]`: two variables of one file must not overwrite each other. */
export function stemOf({ blobName, subdataset }: SourceName): string {
  const stem = blobName.replace(/\.[^./]+$/, '');
  return subdataset === null ? stem : `${stem}_${subdataset.replaceAll(/[^A-Za-z0-9._-]/g, '_')}`;
}

/** `[{folder}/]{stem}_cog_{tier}.tif`. */
export function cogBlobName(source: SourceName & { readonly folder: string | null; readonly tier: string }): string {
  return `${inFolder(source.folder)}${stemOf(source)}_cog_${source.tier}.tif`;
}

/** `[{folder}/]{stem}_tiles/{tile id}_cog_{tier}.tif`. */
export function tileCogBlobName(
  source: SourceName & { readonly folder: string | null; readonly tier: string; readonly tileId: string },
): string {
  return `${inFolder(source.folder)}${stemOf(source)}_tiles/${source.tileId}_cog_${source.tier}.tif`;
}

export function inFolder(folder: string | null): string {
  return folder ? `${folder}/` : '';
}
