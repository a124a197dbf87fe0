import type { JsonObject } from '../../core/json.ts';

export interface StageView {
  readonly number: number;
  readonly name: string;
  readonly total: number;
  readonly completed: number;
  readonly failed: number;
}

export interface JobView extends JsonObject {
  readonly job_id: string;
  readonly job_type: string;
  readonly status: string;
  readonly stage: number;
  readonly total_stages: number;
  readonly progress: number;
  readonly duration_seconds: number | null;
  readonly completed_at: string | null;
}

/** A client of the HTTP API: submits, follows, and throws an answer's own words when it is an error. */
export class ApiClient {
  readonly #url: string;
  readonly #key: string;

  constructor(url: string, functionKey: string) {
    this.#url = url;
    this.#key = functionKey;
  }

  async submit(jobType: string, parameters: JsonObject, options: { force?: boolean } = {}): Promise<JsonObject> {
    return this.request('POST', `jobs/submit/${jobType}${options.force ? '?force=true' : ''}`, parameters);
  }

  async status(jobId: string): Promise<JobView> {
    return (await this.request('GET', `jobs/status/${jobId}`)) as JobView;
  }

  /** Polls until the job has ended, showing each state to `seen`. */
  async follow(jobId: string, seen: (job: JobView) => void, signal?: AbortSignal, everyMs = 250): Promise<JobView> {
    for (;;) {
      const job = await this.status(jobId);
      seen(job);
      if (job.status !== 'queued' && job.status !== 'processing') return job;
      signal?.throwIfAborted();
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  }

  async request(method: string, path: string, body?: JsonObject): Promise<JsonObject> {
    const answer = await fetch(`${this.#url}/api/${path}`, {
      method,
      headers: { 'x-functions-key': this.#key, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    const json = (await answer.json()) as JsonObject;
    if (answer.ok) return json;
    const details = Array.isArray(json.details)
      ? `\n${json.details.map((detail) => `  ${JSON.stringify(detail)}`).join('\n')}`
      : '';
    throw new Error(`${json.error}: ${json.message}${details}`);
  }
}
