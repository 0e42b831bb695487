import { Injectable, Logger } from '@nestjs/common';
import { Clock } from '../../common/clock.js';
import { NotFoundError } from '../../common/errors.js';
import { Changes } from '../../database/changes.js';
import { Database } from '../../database/database.js';
import { CounterBuffer } from '../../database/counter-buffer.js';
import type { Statements } from '../../database/statements.js';
import type { Table } from '../../database/table.js';
import { UnitOfWork } from '../../database/unit-of-work.js';
import type { Transaction } from '../../database/transaction.js';
import type { TargetPrinter } from '../../printer/printer.service.js';
import type { UpdateContext } from '../rules/decide.js';
import { canTransition } from '../rules/status.js';
import type { UpdateStatus } from '../rules/status.js';
import type { Build, RolloutRule } from '../rules/targeting.js';
import { keepsBusy } from './latest-update.js';
import { RolloutEvents } from '../store/rollout.events.js';
import { RolloutProgress } from './rollout-progress.js';
import type { RuleSet } from '../store/rule-set.js';
import { SentBuilds } from '../store/sent-builds.js';
import { OutcomeCounts } from '../store/outcome-counts.js';
import { ServiceTime } from '../store/service-time.js';
import { PrinterUpdate } from '../store/entities/printer-update.entity.js';

/** What is recorded of the end of an update. */
export interface Outcome {
  /** Why it did not complete; null where it did. */
  error: string | null;
  /** Percent to record; absent: as it was. */
  percent?: number;
  /** True where the version at a subscribe has proved it. */
  confirmed?: boolean;
  /** True if it is declined on the printer's behalf: the printer was not asked, and is asked again when that changes. */
  onBehalf?: boolean;
}

/** What is recorded as the reason where a printer has its updates switched off. */
export const AUTO_UPDATE_OFF = 'auto_update is off';
// What was declined on a printer's behalf was never sent.
const NO_BUILD = 0;
const COMPLETED_MESSAGE = 'Update completed successfully';

/**
 * Writes updates. The only place that changes the state of one, and with it, in the same transaction, the counters of
 * its rollout and of its firmware.
 */
@Injectable()
export class UpdateLifecycle {
  private readonly logger = new Logger('Update');
  private readonly table: Table<PrinterUpdate>;
  private readonly firmwareCounts: CounterBuffer<UpdateStatus>;

  constructor(
    database: Database,
    unitOfWork: UnitOfWork,
    private readonly progress: RolloutProgress,
    private readonly events: RolloutEvents,
    private readonly outcomes: OutcomeCounts,
    private readonly sent: SentBuilds,
    private readonly changes: Changes,
    private readonly serviceTime: ServiceTime,
    private readonly clock: Clock,
  ) {
    this.table = database.table(PrinterUpdate);
    this.firmwareCounts = new CounterBuffer(unitOfWork, (tx, id, { completed = 0, failed = 0 }) => {
      const sql = `UPDATE firmware SET success_count = success_count + ?, failure_count = failure_count + ? WHERE id = ?`;
      tx.db.run(sql, completed, failed, id);
    });
  }

  /**
   * Ends what is under way for a printer before another update is sent: only an update of a cancelled rollout lets another one past it
   * (`updateContextOf`).
   */
  endCancelled(tx: Transaction, printer: TargetPrinter, rule: RolloutRule): void {
    const update = this.table.find(tx.db, `WHERE printer_id = ? AND status = 'in_progress'`, printer.id);
    if (update === null) return;
    const error = `its rollout was cancelled, and ${rule.version} was sent instead`;
    this.end(tx, update, 'failed', { error });
  }

  /** Opens an update that is about to be sent. */
  open(tx: Transaction, printer: TargetPrinter, rule: RolloutRule, build: Build): void {
    this.sent.record(tx, printer.id, build.firmwareId);
    this.insert(tx, printer, rule, build.firmwareId, 'in_progress');
  }

  /** Opens a declined update again, which is about to be sent. */
  reopen(tx: Transaction, printer: TargetPrinter, rule: RolloutRule, build: Build): void {
    const update = this.table.find(tx.db, LIVE, rule.id, printer.id);
    if (update === null) throw new Error(`Printer ${printer.id} has no update of rollout ${rule.id}`);
    this.sent.record(tx, printer.id, build.firmwareId);
    const sent = this.serviceTime.now();
    this.move(tx, update, 'in_progress', {
      firmwareId: build.firmwareId,
      attempts: update.attempts + 1,
      errorMessage: null,
      lastStatusMessage: null,
      lastPercent: 0,
      startedAt: this.clock.now(),
      lastHeard: sent,
      lastSent: sent,
      sequence: nextSequence(tx.db, printer.id),
      completedAt: null,
    });
  }

  /** Records that a printer with auto_update off was spared an update. */
  declineFor(tx: Transaction, printer: TargetPrinter, rule: RolloutRule): void {
    this.insert(tx, printer, rule, NO_BUILD, 'declined');
  }

  /** Forgets how often declined updates were sent: the printer has switched auto_update on, and is asked again. */
  askAnew(tx: Transaction, printer: TargetPrinter): void {
    const sql = `UPDATE printer_update SET attempts = 0 WHERE printer_id = ? AND status = 'declined'`;
    tx.db.run(sql, printer.id);
  }

  /** Counts one more send of an update that is under way. */
  sendAgain(tx: Transaction, update: PrinterUpdate): void {
    const sent = this.serviceTime.now();
    const attempts = update.attempts + 1;
    this.table.update(tx.db, update.id, { attempts, sendOnResume: false, lastHeard: sent, lastSent: sent });
    this.changes.printerIn(tx, update.printerId);
  }

  /** Records that the printer is there and needs the update once more, which a pause forbids. */
  waitForResume(tx: Transaction, update: PrinterUpdate): void {
    this.table.update(tx.db, update.id, { sendOnResume: true, lastHeard: this.serviceTime.now() });
  }

  /** Records that the printer came back with the version that it had reported. */
  confirm(tx: Transaction, update: PrinterUpdate): void {
    this.table.update(tx.db, update.id, { confirmed: true });
    this.progress.settleRollbacksOf(tx, update.version);
  }

  /** Ends an update, or turns its end around where the table of states allows that. */
  end(
    tx: Transaction,
    update: PrinterUpdate,
    to: Exclude<UpdateStatus, 'in_progress'>,
    ending: Outcome,
  ): void {
    const now = this.clock.now();
    // Not before it began, though the clock was set back meanwhile.
    const endedAt = now < update.startedAt ? update.startedAt : now;
    this.move(tx, update, to, {
      errorMessage: ending.error,
      lastStatusMessage: ending.error ?? COMPLETED_MESSAGE,
      lastPercent: to === 'completed' ? 100 : (ending.percent ?? update.lastPercent),
      confirmed: ending.confirmed ?? false,
      sendOnResume: false,
      attempts: ending.onBehalf ? 0 : update.attempts,
      completedAt: endedAt,
    });
    const seconds = (endedAt.getTime() - update.startedAt.getTime()) / 1_000;
    tx.afterCommit(() => {
      this.events.ended({ status: to, seconds });
      const reason = ending.error === null ? '' : `: ${ending.error}`;
      const what = `Update ${update.id} of printer ${update.printerId} to ${update.version}`;
      this.logger.log(`${what} ${to}${reason}`);
    });
  }

  /**
   * Lets a failed update that a retry had replaced count again, unless another one has taken its place.
   *
   * @param pendingAtCancel true if its rollout was cancelled while the printer was pending, and counts it so to this day
   */
  reinstate(tx: Transaction, update: PrinterUpdate, pendingAtCancel: boolean): PrinterUpdate {
    const { rolloutId, printerId } = update;
    if (this.table.find(tx.db, LIVE, rolloutId, printerId) !== null) return update;
    this.table.update(tx.db, update.id, { superseded: false });
    if (pendingAtCancel) this.progress.countPendingOf(tx, rolloutId, [printerId], -1, update.status);
    else this.progress.count(tx, rolloutId, { [update.status]: 1 });
    return { ...update, superseded: false };
  }

  /**
   * One update of a printer.
   *
   * @throws NotFoundError if this printer has no such update
   */
  find(db: Statements, printer: TargetPrinter, updateId: number): PrinterUpdate {
    const update = this.table.find(db, 'WHERE id = ? AND printer_id = ?', updateId, printer.id);
    if (update === null) throw new NotFoundError(`Update not found: ${updateId}`);
    return update;
  }

  /** The updates of some printers that count for their rollouts, by the printer's number; none for a printer that has none. */
  live(db: Statements, printers: readonly TargetPrinter[]): Map<number, PrinterUpdate[]> {
    const ids = JSON.stringify(printers.map(({ id }) => id));
    const updates = this.table.select(
      db,
      'WHERE printer_id IN (SELECT value FROM json_each(?)) AND superseded = false',
      ids,
    );
    const byPrinter = new Map<number, PrinterUpdate[]>();
    for (const update of updates) {
      const others = byPrinter.get(update.printerId);
      if (others) others.push(update);
      else byPrinter.set(update.printerId, [update]);
    }
    return byPrinter;
  }

  /** What the earlier updates of a printer mean for a decision. */
  context(db: Statements, rules: RuleSet, printer: TargetPrinter, comesBack: boolean): UpdateContext {
    const updates = this.table.select(db, 'WHERE printer_id = ? AND superseded = false', printer.id);
    return updateContextOf(updates, rules, comesBack);
  }

  private insert(
    tx: Transaction,
    printer: TargetPrinter,
    rule: RolloutRule,
    firmwareId: number,
    status: 'in_progress' | 'declined',
  ): void {
    const now = this.clock.now();
    const sent = this.serviceTime.now();
    const declined = status === 'declined';
    this.table.insert(tx.db, {
      rolloutId: rule.id,
      printerId: printer.id,
      firmwareId,
      version: rule.version,
      status,
      attempts: declined ? 0 : 1,
      sendOnResume: false,
      confirmed: false,
      superseded: false,
      errorMessage: declined ? AUTO_UPDATE_OFF : null,
      startedAt: now,
      completedAt: declined ? now : null,
      lastPercent: 0,
      lastStatusMessage: declined ? AUTO_UPDATE_OFF : null,
      lastHeard: sent,
      lastSent: sent,
      sequence: nextSequence(tx.db, printer.id),
    });
    this.progress.countPending(tx, rule.id, printer.bucket, -1, { [status]: 1 });
    this.progress.settleRollbacksOf(tx, rule.version);
    this.changes.printerIn(tx, printer.id);
    if (!declined) return;
    this.outcomes.count(tx, now, { declined: 1 });
    tx.afterCommit(() => {
      this.events.ended({ status, seconds: 0 });
      this.logger.log(`Update of printer ${printer.id} to ${rule.version} declined: ${AUTO_UPDATE_OFF}`);
    });
  }

  private move(
    tx: Transaction,
    update: PrinterUpdate,
    to: UpdateStatus,
    columns: Partial<PrinterUpdate>,
  ): void {
    const from = update.status;
    if (!canTransition(from, to)) throw new Error(`Update ${update.id} cannot go from ${from} to ${to}`);
    this.table.update(tx.db, update.id, { ...columns, status: to });
    if (!update.superseded) this.progress.count(tx, update.rolloutId, { [from]: -1, [to]: 1 });
    this.progress.settleRollbacksOf(tx, update.version);
    this.firmwareCounts.add(tx, update.firmwareId, { [from]: -1, [to]: 1 });
    if (update.completedAt !== null) this.outcomes.count(tx, update.completedAt, { [from]: -1 });
    if (columns.completedAt) this.outcomes.count(tx, columns.completedAt, { [to]: 1 });
    this.changes.printerIn(tx, update.printerId);
  }
}

// The update that counts for a rollout and a printer.
const LIVE = 'WHERE rollout_id = ? AND printer_id = ? AND superseded = false';

const NEXT_SEQUENCE = 'SELECT coalesce(max(sequence), 0) + 1 FROM printer_update WHERE printer_id = ?';

function nextSequence(db: Statements, printerId: number): number {
  return db.count(NEXT_SEQUENCE, printerId);
}

/** What the updates of a printer that count mean for a decision. */
export function updateContextOf(
  updates: readonly PrinterUpdate[],
  rules: RuleSet,
  comesBack: boolean,
): UpdateContext {
  return {
    earlier: new Map(updates.map(({ rolloutId, status, attempts }) => [rolloutId, { status, attempts }])),
    busy: updates.some((update) => keepsBusy(update) && !givesWay(update, rules)),
    reconnecting: comesBack,
  };
}

/** True for an update under way through a rollout that is cancelled or deleted: it must not hold up the repair. */
function givesWay({ status, rolloutId }: PrinterUpdate, rules: RuleSet): boolean {
  return status === 'in_progress' && rules.get(rolloutId) === undefined;
}
