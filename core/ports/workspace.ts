/** Local scratch space of one task. Everything in it is removed when the task ends, however it ends. */
export interface Workspace {
  /**
   * Runs `work` with a fresh empty folder (absolute path) that is gone afterwards, also when `work` throws. `large`: work
   * that fills the disk, of which a few go on at a time while the others wait; not to be used within such work. Throws
   * the signal's reason when it aborts before the work's turn comes.
   */
  use<T>(
    label: string,
    work: (folder: string) => Promise<T>,
    options?: { readonly large: true; readonly signal: AbortSignal },
  ): Promise<T>;
}
