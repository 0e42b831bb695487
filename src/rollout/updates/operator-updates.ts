import { Injectable } from '@nestjs/common';
import type { Transaction } from '../../database/transaction.js';
import type { Printer } from '../../printer/printer.entity.js';
import { RolloutEvents } from '../store/rollout.events.js';
import { FleetStore } from './fleet-store.js';
import { PlanContexts } from './plan-contexts.js';
import type { PlanContext } from './plan/context.js';
import { endingsOf } from './plan/endings.js';
import type { PrinterState } from './plan/printer-state.js';

/** Changes the updates of printers for an operator, by the same steps and with the same counters as printers' jobs. */
@Injectable()
export class OperatorUpdates {
  constructor(
    private readonly store: FleetStore,
    private readonly contexts: PlanContexts,
    private readonly events: RolloutEvents,
  ) {}

  /**
   * Changes printers one by one. Their rows in `printer` must be saved by the caller, if they change.
   *
   * @param step returns the new state, or the same if nothing changes
   */
  async change(
    tx: Transaction,
    printers: readonly Printer[],
    step: (state: PrinterState, context: PlanContext) => PrinterState,
  ): Promise<void> {
    const context = await this.contexts.of(tx);
    const changes = (await this.store.withUpdates(tx.sql, printers))
      .map((before) => ({ before, after: step(before, context) }))
      .filter(({ before, after }) => before !== after);
    await this.store.saveUpdates(tx, changes);
    const ended = changes.flatMap(({ before, after }) => endingsOf(before, after));
    tx.afterCommit(() => this.events.ended(ended));
  }
}
