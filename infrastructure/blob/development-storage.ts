/** The emulator's well-known account; its key is published and protects nothing. */
const account = 'devstoreaccount1';
const key = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';

/** `UseDevelopmentStorage=true` in its long form, which GDAL needs; any other connection string as it is. */
export function inLongForm(connectionString: string): string {
  if (!/(?:^|;)\s*UseDevelopmentStorage=true\s*(?:;|$)/i.test(connectionString)) return connectionString;
  return `DefaultEndpointsProtocol=http;AccountName=${account};AccountKey=${key};BlobEndpoint=http://127.0.0.1:10000/${account};`;
}
