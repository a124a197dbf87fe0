import { randomUUID } from 'node:crypto';
import { closeSync, fstatSync, mkdirSync, openSync, readSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';

const tailBytes = 2000;

/**
 * The file behind a child's standard error: GDAL's default handler writes each report there with its class number,
 * which is in no Error that gdal-async throws. The file has no name any more when the child starts, so nothing can
 * leave it behind, whoever dies.
 */
export class ErrorFile {
  readonly fd: number;

  constructor(folder: string) {
    mkdirSync(folder, { recursive: true });
    const path = join(folder, `coremachine-gdal-${randomUUID()}`);
    // Appending, so that the child's next line goes to the start of the file after it has emptied it.
    this.fd = openSync(path, 'ax+', 0o600);
    unlinkSync(path);
  }

  /** The last words of a child that died. */
  tail(): string {
    const size = fstatSync(this.fd).size;
    const buffer = Buffer.alloc(Math.min(size, tailBytes));
    readSync(this.fd, buffer, 0, buffer.length, size - buffer.length);
    return buffer.toString('utf8').trim();
  }

  close(): void {
    closeSync(this.fd);
  }
}
