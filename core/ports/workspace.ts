/** Local scratch space of one task. Everything in it is removed when the task ends, however it ends. */
export interface Workspace {
  /** Runs `work` with a fresh empty folder (absolute path) that is gone afterwards, also when `work` throws. */
  use<T>(label: string, work: (folder: string) => Promise<T>): Promise<T>;
  /**
   * The same for work that keeps gigabytes there: only so many of this process are at it, the others wait in line. Work
   * in it must not ask for another turn. Throws the signal's reason when it aborts in the line.
   */
  useInTurn<T>(label: string, signal: AbortSignal, work: (folder: string) => Promise<T>): Promise<T>;
}
