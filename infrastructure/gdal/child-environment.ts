/**
 * Variables a child may see. Not the host's own settings: GDAL reads every configuration option from the environment
 * too, and would take another storage account's credentials from there.
 */
const allowed =
  /^(?:PATH|LANG|LC_\w+|TZ|TMPDIR|TEMP|TMP|SYSTEMROOT|LD_LIBRARY_PATH|DYLD_LIBRARY_PATH|GDAL_\w+|PROJ_\w+|GRIB_RESOURCE_DIR|CURL_CA_BUNDLE|SSL_CERT_(?:FILE|DIR)|(?:https?|no|all)_proxy)$/i;

/**
 * Drivers that open a text as the description of a service and call it: a submitted file must not make this process
 * ask for pages inside its network.
 */
const serviceDrivers = ['WMS', 'WMTS', 'WCS', 'OGCAPI', 'HTTP', 'STACIT', 'STACTA', 'DAAS', 'NGW', 'PLMosaic', 'EEDAI'];

/** The environment of a child process, with what GDAL reads only once, at its first use. */
export function childEnvironment(parent: NodeJS.ProcessEnv, cacheMb: number): NodeJS.ProcessEnv {
  const passed = Object.entries(parent).filter(([name]) => allowed.test(name));
  return {
    ...Object.fromEntries(passed),
    GDAL_CACHEMAX: String(cacheMb),
    // The C library keeps what a thread gave back for that thread. With an arena a thread a process that made a COG of
    // 8,000 x 5,500 RGB holds 720 MB, and is too large to be kept; with two it holds 540, in less time.
    MALLOC_ARENA_MAX: parent.MALLOC_ARENA_MAX ?? '2',
    GDAL_SKIP: [parent.GDAL_SKIP ?? '', ...serviceDrivers].join(' ').trim(),
    // GDAL falls silent after 1000 reports in a process; the numbers in them are what we classify errors by.
    CPL_MAX_ERROR_REPORTS: '1000000',
  };
}
