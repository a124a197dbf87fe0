/** Classes of GDAL's errors, from port/cpl_error.h. */
export const cpl = {
  appDefined: 1,
  outOfMemory: 2,
  fileIo: 3,
  openFailed: 4,
  illegalArgument: 5,
  notSupported: 6,
  noWriteAccess: 8,
  httpResponse: 11,
  bucketNotFound: 12,
  objectNotFound: 13,
  accessDenied: 14,
  invalidCredentials: 15,
  signatureDoesNotMatch: 16,
} as const;
