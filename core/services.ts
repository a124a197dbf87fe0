import type { BlobStore } from './ports/blob-store.ts';
import type { Catalogue } from './ports/catalogue.ts';
import type { FeatureTables } from './ports/feature-tables.ts';
import type { Gdal } from './ports/gdal.ts';
import type { GridStore } from './ports/grid-store.ts';
import type { Workspace } from './ports/workspace.ts';

/** What handlers, resource checks and `finalize` may use of the outside world: ports only. */
export interface Services {
  readonly blobs: BlobStore;
  readonly gdal: Gdal;
  readonly catalogue: Catalogue;
  readonly grids: GridStore;
  readonly featureTables: FeatureTables;
  readonly workspace: Workspace;
  readonly settings: JobSettings;
}

/** The part of the configuration that job types see. */
export interface JobSettings {
  /** e.g. `https://titiler.example.org`, no trailing slash; null: no links are made. */
  readonly titilerBaseUrl: string | null;
  readonly titilerDialect: TitilerDialect;
  readonly ogcFeaturesBaseUrl: string | null;
  /** How the OGC API Features server names the collection of a table. */
  readonly ogcCollectionIdStyle: 'table' | 'schema.table';
  /** Schemas that it shows. */
  readonly ogcSchemas: readonly string[];
  /** Largest source that process_raster accepts, in MB of 1,048,576 bytes. */
  readonly rasterSizeThresholdMb: number;
  /** Cells that the grids of one job may have together. */
  readonly h3MaxCells: number;
  /** Container for finished COGs. */
  readonly cogContainer: string;
}

/** Generations of titiler-pgstac URLs; see docs/urls.md. */
export type TitilerDialect = '1.5' | '1.8' | '2' | '3';
