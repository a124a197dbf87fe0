import gdal from 'gdal-async';

/**
 * Threads that decode the blocks of a TIFF. One for GDAL 3.6.0 to 3.7.0, which in several threads takes blocks of one band
 * for those of another where bands lie apart and are read one by one (OSGeo/gdal#7963; seen once in some thousand
 * statistics, with 3.6.2). Warps, overviews of COGs and compression are given their threads by themselves.
 */
export function decodingThreads(version: string): 'ALL_CPUS' | '1' {
  const [major = 0, minor = 0, revision = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  const isWrong = major === 3 && (minor === 6 || (minor === 7 && revision === 0));
  return isWrong ? '1' : 'ALL_CPUS';
}

/** In force unless an operation says otherwise. Each with the reason it is not left to GDAL. */
const baseOptions: Readonly<Record<string, string>> = {
  // Nothing writes .aux.xml files beside a source or an output, and none found there changes a result.
  GDAL_PAM_ENABLED: 'NO',
  GDAL_NUM_THREADS: decodingThreads(gdal.version),
  // A truncated JPEG decodes to grey with a warning; grey pixels in an archive are worse than a failed job.
  GDAL_ERROR_ON_LIBJPEG_WARNING: 'TRUE',
  // A VRT may carry Python code.
  GDAL_VRT_ENABLE_PYTHON: 'NO',
  AZURE_NO_SIGN_REQUEST: 'NO',
  // GDAL keeps the transformations that it is done with by the code of a CRS, where it has one, and overlooks CENTER_LONG
  // beside it: once in a while it took one that does not wrap for one that does. With this it goes by the definition.
  OGR_CT_PREFER_OFFICIAL_SRS_DEF: 'NO',
  // A warm process would otherwise answer from its cache: old bytes of a blob that was replaced, and bytes read with
  // one key to a reader who has another. The cache still works while a file is open.
  CPL_VSIL_CURL_NON_CACHED: '/vsiaz/:/vsicurl/:/vsis3/',
  GDAL_HTTP_MAX_RETRY: '4',
  GDAL_HTTP_RETRY_DELAY: '0.5',
  GDAL_HTTP_CONNECTTIMEOUT: '15',
  // Less than 1 KB/s for half a minute is a dead connection.
  GDAL_HTTP_LOW_SPEED_LIMIT: '1000',
  GDAL_HTTP_LOW_SPEED_TIME: '30',
};

/** Sets what holds for the whole life of the process. */
export function setBaseOptions(): void {
  for (const [name, value] of Object.entries(baseOptions)) gdal.config.set(name, value);
}

/** Runs one operation with its own options and puts the old ones back, however it ends. */
export async function withOptions<T>(options: Readonly<Record<string, string>>, work: () => Promise<T>): Promise<T> {
  for (const [name, value] of Object.entries(options)) gdal.config.set(name, value);
  try {
    return await work();
  } finally {
    for (const name of Object.keys(options)) gdal.config.set(name, baseOptions[name] ?? null);
  }
}
