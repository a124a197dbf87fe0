import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CoreMachineError } from '../../core/errors.ts';
import { type Environment, readConfig } from '../../src/config.ts';

const good: Environment = {
  DATABASE_URL: 'postgresql://u:p%40ss@db.example.org/geo?sslmode=verify-full',
  SERVICE_BUS_CONNECTION: 'Endpoint=sb://n.servicebus.windows.net/;SharedAccessKeyName=a;SharedAccessKey=c2VjcmV0;',
  STORAGE_CONNECTION: 'AccountName=a;AccountKey=c2VjcmV0;EndpointSuffix=core.windows.net',
};

function problemsOf(environment: Environment): Record<string, string> {
  try {
    readConfig(environment);
  } catch (error) {
    assert.ok(error instanceof CoreMachineError);
    assert.equal(error.code, 'CONFIGURATION_INVALID');
    return Object.fromEntries((error.details ?? []).map(({ path, message }) => [path, message]));
  }
  return {};
}

const without = (...names: string[]): Environment =>
  Object.fromEntries(Object.entries(good).filter(([name]) => !names.includes(name)));

test('the smallest configuration gets documented defaults', () => {
  const config = readConfig(good);
  assert.deepEqual(config.database, { url: good.DATABASE_URL, auth: 'password', poolSize: 10 });
  assert.equal(config.serviceBus, good.SERVICE_BUS_CONNECTION);
  assert.equal(config.storage, good.STORAGE_CONNECTION);
  assert.deepEqual(config.jobs, {
    titilerBaseUrl: null,
    titilerDialect: '3',
    ogcFeaturesBaseUrl: null,
    ogcCollectionIdStyle: 'table',
    ogcSchemas: ['geo', 'h3'],
    rasterSizeThresholdMb: 1000,
    h3MaxCells: 100_000_000,
    cogContainer: 'silver-cogs',
  });
  assert.deepEqual([config.jobQueueName, config.taskQueueName], ['geospatial-jobs', 'geospatial-tasks']);
  assert.equal(config.jobRetentionDays, null);
  assert.equal(config.logFormat, 'json');
  assert.ok(config.gdalProcesses >= 1 && config.gdalProcesses <= 4);
  assert.match(config.tempFolder, /^(\/|[A-Za-z]:)/);
});

test('links to features go to this program’s own API, unless another server is given', () => {
  const linked = (environment: Environment) => readConfig({ ...good, ...environment }).jobs.ogcFeaturesBaseUrl;
  assert.equal(linked({ WEBSITE_HOSTNAME: 'app.example.org' }), 'https://app.example.org/api/features');
  assert.equal(linked({ WEBSITE_HOSTNAME: 'localhost:7071' }), 'http://localhost:7071/api/features');
  const other = { WEBSITE_HOSTNAME: 'app.example.org', OGC_FEATURES_BASE_URL: 'https://tipg.example.org/' };
  assert.equal(linked(other), 'https://tipg.example.org');
});

test('the features API has its schemas, style and time limit', () => {
  assert.deepEqual(readConfig(good).features, { schemas: ['geo', 'h3'], style: 'table', statementTimeoutMs: 10_000 });
  const given = { OGC_SCHEMAS: 'public,geo', OGC_COLLECTION_ID_STYLE: 'schema.table', OGC_QUERY_SECONDS: '3' };
  const expected = { schemas: ['public', 'geo'], style: 'schema.table', statementTimeoutMs: 3000 };
  assert.deepEqual(readConfig({ ...good, ...given }).features, expected);
});

test('an empty configuration names everything that is missing, at once', () => {
  assert.deepEqual(Object.keys(problemsOf({})).sort(), [
    'DATABASE_URL',
    'SERVICE_BUS_CONNECTION',
    'STORAGE_CONNECTION',
  ]);
});

test('malformed values are refused, never replaced by a default', () => {
  const malformed: Environment = {
    DATABASE_AUTH: 'kerberos',
    DATABASE_POOL_SIZE: '10x',
    GDAL_CACHE_MB: '1e3',
    GDAL_PROCESSES: '0',
    JOB_RETENTION_DAYS: '-1',
    LOG_FORMAT: 'JSON',
    OGC_COLLECTION_ID_STYLE: 'both',
    OGC_FEATURES_BASE_URL: 'ftp://example.org',
    OGC_QUERY_SECONDS: '31',
    OGC_SCHEMAS: 'geo,"public"',
    WEBSITE_HOSTNAME: 'https://example.org',
    COG_CONTAINER: 'Silver_COGs',
    PGPORT: '70000',
    RASTER_SIZE_THRESHOLD_MB: '1.5',
    STAC_FLAVOUR: 'stac',
    TASK_LEASE_SECONDS: '60s',
    TEMP_FOLDER: 'tmp',
    TITILER_BASE_URL: 'titiler.example.org',
    TITILER_DIALECT: '4',
    UPKEEP_LEASES_SCHEDULE: '*/30 * * * *',
    JOB_QUEUE_NAME: 'queue with spaces',
  };
  assert.deepEqual(Object.keys(problemsOf({ ...good, ...malformed })).sort(), Object.keys(malformed).sort());
});

test('an empty or blank value counts as not set', () => {
  assert.equal(readConfig({ ...good, DATABASE_POOL_SIZE: '', TITILER_BASE_URL: '  ' }).database.poolSize, 10);
  assert.ok('STORAGE_CONNECTION' in problemsOf({ ...good, STORAGE_CONNECTION: ' ' }));
});

test('no problem shows a value', () => {
  const secret = 'hunter2secret';
  const environment = Object.fromEntries(
    [...Object.keys(good), 'PGPORT', 'LOG_FORMAT', 'TITILER_BASE_URL', 'DATABASE_PASSWORD', 'COG_CONTAINER'].map(
      (name) => [name, `${secret} ${name}`],
    ),
  );
  assert.throws(
    () => readConfig(environment),
    (error) => error instanceof CoreMachineError && !JSON.stringify([error.message, error.toRecord()]).includes(secret),
  );
});

test('names that look like ours and are not are refused; others are left alone', () => {
  const wrong = {
    DATABASE_HOST: 'x',
    SERVICE_BUS_CONNECTION__fullyQualifedNamespace: 'x',
    TITILER_URL: 'x',
    titiler_base_url: 'x',
    GDAL_PROCESES: '2',
    TEMPFOLDER: '/tmp',
  };
  assert.deepEqual(Object.keys(problemsOf({ ...good, ...wrong })).sort(), Object.keys(wrong).sort());
  assert.match(problemsOf({ ...good, GDAL_PROCESES: '2' }).GDAL_PROCESES ?? '', /GDAL_PROCESSES was meant/);
  const others = {
    GDAL_DATA: '/usr/share/gdal',
    GDAL_CACHEMAX: '64',
    PGHOSTADDR: '::1',
    JOB_NAME: 'ci',
    WEBSITE_SITE_NAME: 'app',
    AzureWebJobsStorage__accountName: 'a',
    FUNCTIONS_EXTENSION_VERSION: '~4',
    APPSETTING_COG_CONTAINER: 'silver-cogs',
    TMPDIR: '/tmp',
  };
  assert.deepEqual(problemsOf({ ...good, ...others }), {});
});

test('the database by parts, with a password or with Entra', () => {
  const parts = { ...without('DATABASE_URL'), PGHOST: 'db.example.org', PGDATABASE: 'geo data', PGUSER: 'app@tenant' };
  const { database } = readConfig({ ...parts, PGPASSWORD: 'a/b?c#%' });
  const url = new URL(database.url);
  assert.equal(decodeURIComponent(url.username), 'app@tenant');
  assert.equal(decodeURIComponent(url.password), 'a/b?c#%');
  assert.equal(url.pathname, '/geo%20data');
  assert.equal(url.searchParams.get('sslmode'), 'verify-full');
  const entra = readConfig({ ...parts, DATABASE_AUTH: 'entra', PGPORT: '6432' }).database;
  assert.equal(entra.url, 'postgresql://app%40tenant@db.example.org:6432/geo%20data?sslmode=verify-full');
  assert.equal(entra.auth, 'entra');
  assert.deepEqual(Object.keys(problemsOf({ ...parts })), ['PGPASSWORD']);
  assert.deepEqual(Object.keys(problemsOf({ ...parts, DATABASE_AUTH: 'entra', PGPASSWORD: 'x' })), ['PGPASSWORD']);
  assert.deepEqual(Object.keys(problemsOf({ ...good, DATABASE_AUTH: 'entra' })), ['DATABASE_URL']);
});

test('Service Bus and storage by identity', () => {
  const config = readConfig({
    ...without('SERVICE_BUS_CONNECTION', 'STORAGE_CONNECTION'),
    SERVICE_BUS_CONNECTION__fullyQualifiedNamespace: 'n.servicebus.windows.net',
    SERVICE_BUS_CONNECTION__credential: 'managedidentity',
    SERVICE_BUS_CONNECTION__clientId: 'id',
    STORAGE_CONNECTION__blobServiceUri: 'https://a.blob.core.windows.net/',
  });
  assert.deepEqual(config.serviceBus, { fullyQualifiedNamespace: 'n.servicebus.windows.net', clientId: 'id' });
  assert.deepEqual(config.storage, { blobServiceUri: 'https://a.blob.core.windows.net' });
});

test('contradictions and traps of the connections', () => {
  const both = {
    SERVICE_BUS_CONNECTION__fullyQualifiedNamespace: 'n.servicebus.windows.net',
    STORAGE_CONNECTION__blobServiceUri: 'https://a.blob.core.windows.net',
  };
  assert.deepEqual(Object.keys(problemsOf({ ...good, ...both })), ['SERVICE_BUS_CONNECTION', 'STORAGE_CONNECTION']);
  const wrongCase = `${good.SERVICE_BUS_CONNECTION}UseDevelopmentEmulator=True;`;
  assert.match(problemsOf({ ...good, SERVICE_BUS_CONNECTION: wrongCase }).SERVICE_BUS_CONNECTION ?? '', /exactly/);
  assert.ok('TASK_QUEUE_NAME' in problemsOf({ ...good, TASK_QUEUE_NAME: 'Geospatial-Jobs' }));
  assert.ok('STORAGE_CONNECTION' in problemsOf({ ...good, STORAGE_CONNECTION: 'https://a.blob.core.windows.net' }));
  assert.ok('DATABASE_URL' in problemsOf({ ...good, DATABASE_URL: 'mysql://db/x' }));
});

test('telemetry: off unless a target is given; headers are decoded; malformed targets are refused', () => {
  const off = { otlp: null, azureMonitor: null, serviceName: 'coremachine', metricIntervalMs: 60_000 };
  assert.deepEqual(readConfig(good).telemetry, off);
  const { telemetry } = readConfig({
    ...good,
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318/',
    OTEL_EXPORTER_OTLP_HEADERS: 'api-key=a%2Cb,x=1=2',
  });
  assert.deepEqual(telemetry.otlp, { endpoint: 'http://collector:4318', headers: { 'api-key': 'a,b', x: '1=2' } });
  const malformed = {
    OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318',
    OTEL_EXPORTER_OTLP_HEADERS: 'api-key',
    OTEL_METRIC_EXPORT_INTERVAL: '1m',
    APPLICATIONINSIGHTS_CONNECTION_STRING: 'IngestionEndpoint=https://example.org/',
  };
  assert.deepEqual(Object.keys(problemsOf({ ...good, ...malformed })).sort(), Object.keys(malformed).sort());
  assert.deepEqual(Object.keys(problemsOf({ ...good, OTEL_EXPORTER_OTLP_HEADERS: 'a=%E9' })), [
    'OTEL_EXPORTER_OTLP_HEADERS',
  ]);
});
