import type { DataPresence } from '../lock/data-presence.js';
import type { Sql } from '../sql.js';
import type { WritingConnection } from '../write-queue.js';
import type { WorkerConnection } from './worker-connection.js';

/** The only connection that writes to the SQLite file. */
export class WriterConnection implements WritingConnection {
  private changes = 0;

  /**
   * @param worker its thread
   * @param replace opens another thread for one that has failed, with the transaction that it was carrying out
   */
  constructor(
    private worker: WorkerConnection,
    private readonly replace: (failed: WorkerConnection) => WorkerConnection,
    private readonly presence: DataPresence,
  ) {}

  /** Resolves when the connection is open. */
  ready(): Promise<void> {
    return this.worker.ready();
  }

  async begin(): Promise<Sql> {
    if (this.worker.failure !== null) {
      this.worker = this.replace(this.worker);
      // The total changes of a connection begin at 0.
      this.changes = 0;
    }
    this.presence.requireAll();
    // IMMEDIATE: if another process holds the lock, the transaction waits for it once, instead of at its first write.
    await this.worker.run('BEGIN IMMEDIATE');
    return this.worker;
  }

  async commit(): Promise<boolean> {
    const { worker } = this;
    const [changes] = await Promise.all([worker.count('SELECT total_changes()'), worker.run('COMMIT')]);
    const changed = changes !== this.changes;
    this.changes = changes;
    // A commit to a file that was deleted or replaced in the meantime succeeds, but its data is lost.
    this.presence.requireDatabase();
    return changed;
  }

  async rollback(): Promise<void> {
    // On some errors (such as a full disk) SQLite has already ended the transaction, and reports that here.
    await this.worker.run('ROLLBACK').catch(() => undefined);
  }

  /** Closes the connection, and ends its thread. */
  close(): Promise<void> {
    return this.worker.close();
  }
}
