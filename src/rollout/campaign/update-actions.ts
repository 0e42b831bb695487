import { Injectable } from '@nestjs/common';
import { AuditLog } from '../../audit/audit-log.js';
import type { Action } from '../../audit/audit-log.js';
import { ConflictError, NotFoundError } from '../../common/errors.js';
import type { Transaction } from '../../database/transaction.js';
import { Database } from '../../database/database.js';
import type { Table } from '../../database/table.js';
import type { Printer } from '../../printer/printer.entity.js';
import { PrinterService } from '../../printer/printer.service.js';
import { REASONS } from '../rules/decide.js';
import { targetRefusal } from '../rules/targeting.js';
import { RolloutEvents } from '../store/rollout.events.js';
import { RolloutRules } from '../store/rollout-rules.js';
import { CountingUpdates } from '../store/counting-updates.js';
import { OperatorUpdates } from '../updates/operator-updates.js';
import { failUpdate, updateContextOf } from '../updates/plan/update-steps.js';
import { UpdateRetry } from '../updates/update-retry.js';
import { PrinterUpdate } from '../store/entities/printer-update.entity.js';

/** What operators can do with a single update of a printer. */
@Injectable()
export class UpdateActions {
  private readonly table: Table<PrinterUpdate>;

  constructor(
    private readonly database: Database,
    private readonly printers: PrinterService,
    private readonly rules: RolloutRules,
    private readonly updates: OperatorUpdates,
    private readonly counting: CountingUpdates,
    private readonly retries: UpdateRetry,
    private readonly events: RolloutEvents,
    private readonly audit: AuditLog,
  ) {
    this.table = database.table(PrinterUpdate);
  }

  /**
   * Aborts an update in progress: it counts as failed. If another rollout has an update for the printer, that is sent next.
   *
   * @param printerKey number or UUID of the printer
   * @throws NotFoundError if the printer does not exist, or has no such update
   * @throws ConflictError if the update is not in progress
   */
  abort(printerKey: number | string, updateId: number): Promise<Printer> {
    return this.act(printerKey, updateId, 'update.abort', (tx, update, printer) => {
      if (update.status !== 'in_progress')
        throw new ConflictError(`Update ${update.id} is ${update.status}, not in progress`);
      return this.updates.change(tx, [printer], (state, context) => {
        const current = state.updates.find(({ id }) => id === updateId);
        return current ? failUpdate(context, state, current, 'aborted by an operator') : state;
      });
    });
  }

  /**
   * Sends a failed update again: at once if the printer is connected, else at its next connect. It becomes a new update; the failed one
   * stays in the history.
   *
   * @param printerKey number or UUID of the printer
   * @throws NotFoundError if the printer does not exist, or has no such update
   * @throws ConflictError if the update has not failed or was already sent again, its rollout is cancelled or deleted, the printer is no
   *   longer a target of it, or another update of the printer is in progress
   */
  retry(printerKey: number | string, updateId: number): Promise<Printer> {
    return this.act(printerKey, updateId, 'update.retry', async (tx, update, printer) => {
      const { id, status, rolloutId } = update;
      if (status !== 'failed')
        throw new ConflictError(`Update ${id} is ${status}; only a failed one is sent again`);
      if (update.superseded) throw new ConflictError(`Update ${id} has been retried already`);
      const rules = await this.rules.current(tx);
      const rule = rules.get(rolloutId);
      if (rule === undefined)
        throw new ConflictError(`The rollout of update ${id} is cancelled or deleted and sends no updates`);
      const refusal = targetRefusal(rules.factsOf(printer), rule);
      if (refusal !== null)
        throw new ConflictError(
          `Printer ${printer.id} is not a target of rollout ${rolloutId}: ${REASONS[refusal]}`,
        );
      const updates = (await this.counting.ofPrinters(tx.sql, [printer.id])).get(printer.id) ?? [];
      if (updateContextOf(updates, rules, false).busy)
        throw new ConflictError(
          `Another update of printer ${printer.id} is in progress; retry when it has ended`,
        );
      await this.retries.supersede(tx, printer, id);
    });
  }

  private act(
    printerKey: number | string,
    updateId: number,
    action: Action,
    change: (tx: Transaction, update: PrinterUpdate, printer: Printer) => Promise<void>,
  ): Promise<Printer> {
    return this.database.write(async (tx) => {
      const printer = await this.printers.find(tx.sql, printerKey);
      const before = await this.table.find(tx.sql, 'WHERE id = ? AND printer_id = ?', updateId, printer.id);
      if (before === null) throw new NotFoundError(`Update not found: ${updateId}`);
      await change(tx, before, printer);
      await this.audit.record(tx, {
        action,
        subject: `printer/${printer.id}`,
        before: null,
        after: { update: updateId, rollout: before.rolloutId, firmware_version: before.version },
      });
      tx.afterCommit(() => this.events.publish([printer.uuid]));
      return printer;
    });
  }
}
