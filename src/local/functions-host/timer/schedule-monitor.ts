import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** ISO instants. `last` and `lastUpdated` are year 1 before the first run, as in Azure. */
export interface ScheduleStatus {
  readonly last: string;
  readonly next: string;
  readonly lastUpdated: string;
}

/** Remembers when each timer ran, so that an occurrence missed while the host was down is made up for at its start. */
export interface ScheduleMonitor {
  read(timer: string): Promise<ScheduleStatus | null>;
  write(timer: string, status: ScheduleStatus): Promise<void>;
}

/** Keeps the status in one JSON file. A file that cannot be read counts as empty. */
export class FileScheduleMonitor implements ScheduleMonitor {
  readonly #file: string;
  #loaded: Promise<Map<string, ScheduleStatus>> | null = null;
  #writing: Promise<void> = Promise.resolve();

  constructor(file: string) {
    this.#file = file;
  }

  async read(timer: string): Promise<ScheduleStatus | null> {
    return (await this.#load()).get(timer) ?? null;
  }

  async write(timer: string, status: ScheduleStatus): Promise<void> {
    const all = await this.#load();
    all.set(timer, status);
    this.#writing = this.#writing.then(() => this.#save(all)).catch(() => this.#save(all));
    await this.#writing;
  }

  async #save(all: ReadonlyMap<string, ScheduleStatus>): Promise<void> {
    const temporary = `${this.#file}.${process.pid}.tmp`;
    await mkdir(dirname(this.#file), { recursive: true });
    await writeFile(temporary, JSON.stringify(Object.fromEntries(all), null, 2));
    await rename(temporary, this.#file);
  }

  #load(): Promise<Map<string, ScheduleStatus>> {
    this.#loaded ??= readFile(this.#file, 'utf8').then(parseStatuses, () => new Map());
    return this.#loaded;
  }
}

function parseStatuses(text: string): Map<string, ScheduleStatus> {
  try {
    return new Map(
      Object.entries(JSON.parse(text) as Record<string, ScheduleStatus>).filter(([, status]) => isStatus(status)),
    );
  } catch {
    return new Map();
  }
}

function isStatus(value: unknown): value is ScheduleStatus {
  const { last, next, lastUpdated } = (value ?? {}) as Partial<Record<keyof ScheduleStatus, unknown>>;
  return [last, next, lastUpdated].every(
    (instant) => typeof instant === 'string' && !Number.isNaN(Date.parse(instant)),
  );
}
