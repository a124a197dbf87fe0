export const bytesPerMb = 1024 * 1024;
export const bytesPerGb = 1024 * bytesPerMb;

/** 2 decimals. */
export function inMb(bytes: number): number {
  return Number((bytes / bytesPerMb).toFixed(2));
}

/** 4 decimals: a hundredth of a GB would hide what most containers hold. */
export function inGb(bytes: number): number {
  return Number((bytes / bytesPerGb).toFixed(4));
}

/** `97.5%`, rounded down so that 100% means all; of nothing it is all. */
export function successRate(successful: number, total: number): string {
  if (total === 0) return '100%';
  return `${Math.floor((1000 * successful) / total) / 10}%`;
}
