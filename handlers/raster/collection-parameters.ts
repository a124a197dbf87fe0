import { z } from 'zod';
import { outputContainer } from '../parameters/containers.ts';
import { cogBlobName } from './names.ts';
import { cogParameters, mosaicMaxzoom, rasterBlobName } from './parameters.ts';
import type { CogTier } from './schemas.ts';
import { tileStems } from './tile-names.ts';

/** Of a blob's name in Azure. */
const mostNameCharacters = 1024;
/** Bytes of all COG names as JSON: the mosaic's result names them all and has to stay under 1 MiB. */
const mostNameBytes = 900_000;

const collectionName = z
  .string()
  .regex(/^[A-Za-z0-9_-]+$/, 'must be letters, digits, _ and -')
  .max(200);

const blobList = z
  .array(rasterBlobName)
  .min(1)
  .max(10_000)
  .superRefine((names, context) => {
    const seen = new Set<string>();
    for (const [index, name] of names.entries()) {
      if (seen.has(name)) context.addIssue({ code: 'custom', path: [index], message: `${name} is there twice` });
      seen.add(name);
    }
  })
  .describe('Source rasters, 1 to 10,000, of one kind; where tiles overlap the first one is on top.');

export const collectionParameters = cogParameters
  .omit({ blob_name: true })
  .extend({
    blob_list: blobList,
    collection_id: collectionName.describe('Name of the collection, and of its MosaicJSON.'),
    collection_description: z
      .string()
      .trim()
      .min(1)
      .max(5_000)
      .nullable()
      .default(null)
      .describe('null: "Raster collection: {collection_id}".'),
    output_folder: cogParameters.shape.output_folder.describe(
      'Folder in the containers of the COGs and the MosaicJSON. A tile whose COG would replace that of another source is left out: OUTPUT_TAKEN.',
    ),
    output_container: outputContainer.nullable().default(null).describe('For the COGs; null: the configured one.'),
    mosaicjson_container: outputContainer.default('silver-mosaicjson').describe('For the MosaicJSON.'),
    maxzoom: mosaicMaxzoom,
    stac_item_id: collectionName.nullable().default(null).describe('Id of the STAC collection; null: collection_id.'),
    create_mosaicjson: z.boolean().default(true).describe('false: no MosaicJSON.'),
    create_stac_collection: z.boolean().default(true).describe('false: nothing goes into the catalogue.'),
  })
  .superRefine((params, context) => {
    const names = tileCogNames(params, 'visualization');
    const longest = Math.max(...names.map(({ length }) => length));
    const bytes = names.reduce((sum, name) => sum + Buffer.byteLength(JSON.stringify(name)) + 1, 0);
    const path = ['output_folder'];
    if (longest > mostNameCharacters) {
      const message = `a COG's name would have ${longest} characters, more than the ${mostNameCharacters} of blob storage`;
      context.addIssue({ code: 'custom', path, message });
    }
    if (bytes > mostNameBytes) {
      const message = `the COGs' names would take ${bytes} bytes together, more than ${mostNameBytes}; make several collections`;
      context.addIssue({ code: 'custom', path, message });
    }
  });

/** Names of the COGs of a list of tiles, in its order: `/` in a tile's path becomes `_`. */
export function tileCogNames(
  params: {
    readonly blob_list: readonly string[];
    readonly subdataset: string | null;
    readonly output_folder: string | null;
  },
  tier: CogTier,
): string[] {
  const { subdataset, output_folder: folder } = params;
  return tileStems(params.blob_list).map((stem) => cogBlobName({ blobName: `${stem}.tif`, subdataset, folder, tier }));
}
