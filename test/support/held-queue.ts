import { jest } from '@jest/globals';
import { UnitOfWork } from '../../src/database/unit-of-work.js';
import { eventually } from './eventually.js';
import type { TestServer } from './server.js';

/** Holds up a server's unit of work, so that everything submitted in the meantime is carried out as one group. */
export class HeldQueue {
  private readonly operators;
  private readonly printers;

  private constructor(
    unitOfWork: UnitOfWork,
    private readonly open: () => void,
    private readonly done: Promise<void>,
  ) {
    this.operators = jest.spyOn(unitOfWork, 'run');
    this.printers = jest.spyOn(unitOfWork, 'collect');
  }

  /** Resolves when the queue stands still. */
  static hold(server: TestServer): Promise<HeldQueue> {
    const unitOfWork = server.get(UnitOfWork);
    return new Promise((held, failed) => {
      const done = unitOfWork.run(
        () => new Promise<void>((open) => held(new HeldQueue(unitOfWork, open, done))),
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
