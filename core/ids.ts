import { canonicalJson, type JsonObject } from './json.ts';

/** A job id: SHA-256 over canonical JSON of `{job_type, parameters}`, 64 lower-case hexadecimal digits. */
export async function jobIdOf(jobType: string, parameters: JsonObject): Promise<string> {
  return sha256Hex(canonicalJson({ job_type: jobType, parameters }));
}

/**
 * A task id, e.g. `3f2a9c01d4e5b6a7-s2-tile_0_4`: readable, and the same whenever the same stage is planned again.
 * The database's key is (job, run, stage, number); the id is for people and logs, so 64 bits of the job id suffice.
 */
export function taskIdOf(jobId: string, stage: number, key: string): string {
  return `${jobId.slice(0, 16)}-s${stage}-${key}`;
}

export const jobIdPattern = /^[0-9a-f]{64}$/;

/** Keys end up in ids, blob names and log lines. */
export const taskKeyPattern = /^[A-Za-z0-9._-]{1,128}$/;

async function sha256Hex(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
