/** [longitude, latitude] in degrees. */
type Position = readonly [number, number];

/** GeoJSON coordinates of a MultiPolygon: polygons of rings, the outer one first; rings need not be closed. */
export type PolygonParts = readonly (readonly (readonly Position[])[])[];

/** One H3 cell as it is stored. */
export interface GridCell {
  /** The 64-bit index as a number; as text it is the usual 15 hexadecimal digits. */
  readonly index: bigint;
  /** The cell of the next coarser resolution of its grid; null at the coarsest. */
  readonly parent: bigint | null;
  /** In EPSG:4326, within [-180, 180]. */
  readonly parts: PolygonParts;
  /** Null where it was not looked at. */
  readonly isLand: boolean | null;
  /** ISO 3166-1 alpha-3; null at sea or where it was not looked at. */
  readonly countryCode: string | null;
}

export interface GridRange {
  readonly gridId: string;
  readonly resolution: number;
  /** First and last index, both included: all cells below one coarser cell are such a range. */
  readonly first: bigint;
  readonly last: bigint;
}

export interface GridSummary {
  readonly cells: number;
  /** [west, south, east, north]; null for a grid without cells. */
  readonly bbox: readonly [number, number, number, number] | null;
}

/** A polygon with the outline of land. */
export interface LandPolygon {
  readonly rings: readonly (readonly Position[])[];
  readonly countryCode: string | null;
}

/** The table `h3.grids`. Throws DATABASE_UNAVAILABLE (retryable). */
export interface GridStore {
  /** Makes the cells of a range be exactly these, in one transaction. Answers how many they are. */
  replaceCells(range: GridRange, cells: Iterable<GridCell>): Promise<number>;
  summary(gridId: string): Promise<GridSummary>;
  /** How many cells of a grid have a parent that is not in the coarser grid. */
  missingParents(gridId: string, coarserGridId: string): Promise<number>;
  /** Cells of a grid with an index in none of these ranges are removed; answers how many they were. */
  keepOnly(gridId: string, ranges: readonly Pick<GridRange, 'first' | 'last'>[]): Promise<number>;
  /** Throws TABLE_NOT_FOUND where there is no such table or it has no geometry column. */
  requireLandTable(table: { readonly schema: string; readonly table: string }): Promise<void>;
  /**
   * The polygons of a table's geometry column, in EPSG:4326. Throws TABLE_NOT_FOUND where there is no such table or it
   * has no polygons.
   */
  landPolygons(table: { readonly schema: string; readonly table: string }): Promise<readonly LandPolygon[]>;
}
