/** Local scratch space of one task. Everything in it is removed when the task ends, however it ends. */
export interface Workspace {
  /** Runs `work` with a fresh empty folder (absolute path) that is gone afterwards, also when `work` throws. */
  use<T>(label: string, work: (folder: string) => Promise<T>): Promise<T>;
}
