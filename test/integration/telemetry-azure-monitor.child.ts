import { runJob } from '../../core/testing/run-job.ts';
import { createLog } from '../../infrastructure/log/log.ts';
import { openTelemetry } from '../../infrastructure/telemetry/telemetry.ts';
import { numberHandler, sumJob } from '../unit/engine-tools.ts';

/** Runs one job with telemetry to the Application Insights that the setting names. Prints its job id. */
const telemetry = await openTelemetry({
  otlp: null,
  azureMonitor: process.env.APPLICATIONINSIGHTS_CONNECTION_STRING ?? '',
  serviceName: 'under-test',
  instance: 'one',
  metricIntervalMs: 60_000,
  log: createLog({ format: 'json', write: (line) => void process.stderr.write(`${line}\n`) }),
});
const double = numberHandler('double', (value) => value * 2);
const { job } = await runJob(sumJob(double), { n: 2 }, { telemetry });
telemetry.span({
  of: { kind: 'request', job: { jobId: job.jobId, run: 1 } },
  name: 'POST jobs/submit/{job_type}',
  startedAt: Date.now(),
  endedAt: Date.now(),
  attributes: { 'http.request.method': 'POST', 'http.route': 'jobs/submit/{job_type}' },
  error: null,
});
await telemetry.close(10_000);
process.stdout.write(job.jobId);
