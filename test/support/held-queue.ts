import { jest } from '@jest/globals';
import { Database } from '../../src/database/database.js';
import { Inbox } from '../../src/rollout/updates/inbox.js';
import { eventually } from './eventually.js';
import type { TestServer } from './server.js';

/**
 * Holds up a server's transactions, so that the jobs of printers that arrive in the meantime are carried out as one batch, after the
 * first job of an operator.
 */
export class HeldQueue {
  private readonly operators;
  private readonly printers;

  private constructor(
    database: Database,
    inbox: Inbox,
    private readonly open: () => void,
    private readonly done: Promise<void>,
  ) {
    this.operators = jest.spyOn(database, 'write');
    this.printers = jest.spyOn(inbox, 'submit');
  }

  /** Resolves when the queue stands still. */
  static hold(server: TestServer): Promise<HeldQueue> {
    const database = server.get(Database);
    const inbox = server.get(Inbox);
    return new Promise((held, failed) => {
      const done = database.writeBatch(
        () => new Promise<void>((open) => held(new HeldQueue(database, inbox, open, done))),
      );
      done.catch(failed);
    });
  }

  /** Waits until that many jobs of operators, and of printers, have been submitted since the queue was held. */
  async submitted({ operators = 0, printers = 0 }: { operators?: number; printers?: number }): Promise<void> {
    await eventually(
      'the jobs stand in line',
      () => [this.operators.mock.calls.length, this.printers.mock.calls.length] as const,
      (seen) => seen[0] >= operators && seen[1] >= printers,
    );
  }

  /** Lets the jobs run; resolves when the one that held them up has ended. */
  async release(): Promise<void> {
    this.operators.mockRestore();
    this.printers.mockRestore();
    this.open();
    await this.done;
  }
}
