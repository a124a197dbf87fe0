/** `[{folder}/]{blob path without extension}[_{subdataset}]_cog_{tier}.tif`. */
export function cogBlobName(source: {
  readonly blobName: string;
  readonly subdataset: string | null;
  readonly folder: string | null;
  readonly tier: string;
}): string {
  const stem = source.blobName.replace(/\.[^./]+$/, '');
  // Two variables of one file must not overwrite each other.
  const variable = source.subdataset === null ? '' : `_${source.subdataset.replaceAll(/[^A-Za-z0-9._-]/g, '_')}`;
  const folder = source.folder ? `${source.folder}/` : '';
  return `${folder}${stem}${variable}_cog_${source.tier}.tif`;
}
