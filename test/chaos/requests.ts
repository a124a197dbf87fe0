import { CoreMachineError, toCoreMachineError } from '../../core/errors.ts';
import type { CoreMachine } from '../../core/machine/core-machine.ts';
import type { Answer, RequestOrder } from './protocol.ts';

/** What the HTTP routes do with a client's request, and what they answer. */
export async function answerOf(machine: CoreMachine, order: RequestOrder): Promise<Answer> {
  try {
    // Its client has gone to another worker: the job may have ended meanwhile, and this would be its next run.
    if (Date.now() > order.before) throw new CoreMachineError('TIMEOUT', 'the request has waited for too long');
    return await answer(machine, order);
  } catch (error) {
    const { code, httpStatus } = toCoreMachineError(error);
    return { kind: httpStatus < 500 ? 'refused' : 'broke', code };
  }
}

async function answer(machine: CoreMachine, { what, id, jobType, body, jobId }: RequestOrder): Promise<Answer> {
  const correlationId = `chaos-${id}`;
  if (jobId === null || what === 'submit' || what === 'force') {
    const { job, created } = await machine.submit({ jobType, body, force: what === 'force', correlationId });
    return { kind: created ? 'began' : 'stays', jobId: job.jobId, run: job.run };
  }
  if (what === 'cancel') return { kind: 'cancelled', jobId, run: (await machine.cancel(jobId)).run };
  const { job } = await machine.retry(jobId, { fromStart: what === 'retry from start', correlationId });
  return { kind: 'began', jobId, run: job.run };
}
