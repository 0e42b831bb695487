/** Runs asynchronous jobs one at a time, in the order of submission. */
export class Mutex {
  private last: Promise<unknown> = Promise.resolve();

  /** Settles as the work does; a failure does not stop the jobs behind it. */
  runExclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = this.last.then(work);
    this.last = result.catch(() => undefined);
    return result;
  }
}
