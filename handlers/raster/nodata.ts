/** [lowest, highest] of GDAL's whole-number types. */
const ranges: Readonly<Record<string, readonly [number, number]>> = {
  Byte: [0, 255],
  Int8: [-128, 127],
  UInt16: [0, 65_535],
  Int16: [-32_768, 32_767],
  UInt32: [0, 2 ** 32 - 1],
  Int32: [-(2 ** 31), 2 ** 31 - 1],
  UInt64: [0, 2 ** 64],
  Int64: [-(2 ** 63), 2 ** 63],
};

/** False for a nodata value that no pixel of the type can have, such as -9999 or NaN for bytes. */
export function isUsableNodata(type: string, nodata: number): boolean {
  const range = ranges[type];
  return range === undefined || (Number.isInteger(nodata) && nodata >= range[0] && nodata <= range[1]);
}
