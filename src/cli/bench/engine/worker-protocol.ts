import { childOptions, childReady } from '../../../local/stack/child.ts';
import type { Workload } from './workloads.ts';

/** Where a worker process finds its services. */
export interface WorkerOptions {
  readonly databaseUrl: string;
  readonly serviceBus: string | null;
  readonly redisPort: number | null;
  /** Of the contestant: its mode, e.g. `batch`. */
  readonly mode: string;
}

export interface Worker {
  /** Resolves when the workload is accepted, its jobs durable. */
  submit(workload: Workload): Promise<void>;
  close(): Promise<void>;
}

interface Request {
  readonly ask: number;
  readonly workload: Workload;
}

/** In a worker process: opens the contestant and submits what the bench asks for. */
export async function serveWorker(open: (options: WorkerOptions) => Promise<Worker>): Promise<void> {
  const worker = await open(await childOptions<WorkerOptions>());
  process.on('message', (request: Request) => {
    worker.submit(request.workload).then(
      () => process.send?.({ answer: request.ask }),
      (error: unknown) => {
        console.error(error);
        process.send?.({ answer: request.ask, error: String(error) });
      },
    );
  });
  childReady({}, () => worker.close());
}
