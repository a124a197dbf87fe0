import type { TaskContext } from '../../core/handler.ts';
import type { Span } from './scratch.ts';

/** Tells of a download or an upload, of which so many bytes are done, as a span of the task's progress. */
export function transferred(
  { progress }: Pick<TaskContext, 'progress'>,
  [from, to]: Span,
): (bytes: number, totalBytes: number) => void {
  return (bytes, totalBytes) => progress(from + (to - from) * Math.min(1, bytes / Math.max(1, totalBytes)));
}
