import { defineJob } from '../core/job.ts';
import { inspectionParameters, requireBlob } from '../handlers/raster/parameters.ts';
import { validateRasterReport } from '../handlers/raster/validate-report.ts';

/** What process_raster would find, without making anything. */
export const validateRasterJob = defineJob('validate_raster_job', {
  description: 'Inspects one raster and reports whether and how it can become a COG',
  parameters: inspectionParameters,
  async checkResources(params, services) {
    await requireBlob(services, params.container_name, params.blob_name);
  },
})
  .stage('validate', validateRasterReport, ({ params }) => [
    { key: 'validate', input: { ...params, requested_tiers: [] } },
  ])
  .finalize(validateRasterReport.output, ({ results }) => results.validate.only());
