import { Injectable, Logger } from '@nestjs/common';
import { In } from 'typeorm';
import { Clock } from '../common/clock.js';
import type { Transaction } from '../database/unit-of-work.js';
import { Firmware } from '../firmware/firmware.entity.js';
import type { Printer } from '../printer/printer.entity.js';
import type { Situation } from './domain/decide.js';
import { updateMayMove } from './domain/state.js';
import type { UpdateStatus } from './domain/state.js';
import type { Build, RolloutRule } from './domain/targeting.js';
import { RolloutProgress } from './rollout-progress.js';
import { PrinterUpdate } from './update.entity.js';

/** What is recorded of the end of an update. */
export interface Ending {
  /** Why it did not complete; null where it did. */
  error: string | null;
  /** Percent to record; absent: as it was. */
  percent?: number;
  /** True where the version at a subscribe has proved it. */
  confirmed?: boolean;
  /** True where it is declined on the printer's behalf: the printer was not asked, and is asked anew when that changes. */
  onBehalf?: boolean;
}

/** What is recorded as the reason where a printer has its updates switched off. */
export const AUTO_UPDATE_OFF = 'auto_update is off';
const COMPLETED_MESSAGE = 'Update completed successfully';

/**
 * Writes updates. The only place that changes the state of one, and with it, in the same transaction, the counters of
 * its rollout and of its firmware.
 */
@Injectable()
export class UpdateJournal {
  private readonly logger = new Logger('Update');

  constructor(
    private readonly progress: RolloutProgress,
    private readonly clock: Clock,
  ) {}

  /** Opens an update that is about to be sent. */
  async open(tx: Transaction, printer: Printer, rule: RolloutRule, build: Build): Promise<void> {
    await this.insert(tx, printer, rule, build, 'in_progress');
  }

  /** Opens a declined update again, which is about to be sent. */
  async reopen(tx: Transaction, printer: Printer, rule: RolloutRule, build: Build): Promise<void> {
    const [rolloutId, printerId, now] = [rule.id, printer.id, this.clock.now()];
    const update = await tx.em.findOneByOrFail(PrinterUpdate, { rolloutId, printerId, superseded: false });
    await this.move(tx, update, 'in_progress', {
      firmwareId: build.firmwareId,
      attempts: update.attempts + 1,
      errorMessage: null,
      lastStatusMessage: null,
      lastPercent: 0,
      startedAt: now,
      lastSignOfLife: now,
      completedAt: null,
    });
  }

  /** Records that a printer with auto_update off was spared an update. */
  async declineFor(tx: Transaction, printer: Printer, rule: RolloutRule, build: Build): Promise<void> {
    await this.insert(tx, printer, rule, build, 'declined');
  }

  /** Forgets how often declined updates were sent: the printer has switched auto_update on, and is asked anew. */
  async askAnew(tx: Transaction, printer: Printer): Promise<void> {
    await tx.em.update(PrinterUpdate, { printerId: printer.id, status: 'declined' }, { attempts: 0 });
  }

  /** Counts one more send of an update that is under way. */
  async sendAgain(tx: Transaction, update: PrinterUpdate): Promise<void> {
    const columns = { attempts: update.attempts + 1, sendOnResume: false, lastSignOfLife: this.clock.now() };
    await tx.em.update(PrinterUpdate, { id: update.id }, columns);
  }

  /** Records that the printer is there and needs the update once more, which a pause forbids. */
  async waitForResume(tx: Transaction, update: PrinterUpdate): Promise<void> {
    await tx.em.update(
      PrinterUpdate,
      { id: update.id },
      { sendOnResume: true, lastSignOfLife: this.clock.now() },
    );
  }

  /** Records a sign of life, and what the printer said with it. */
  async alive(
    tx: Transaction,
    update: PrinterUpdate,
    said: { lastPercent?: number; lastStatusMessage?: string } = {},
  ): Promise<void> {
    await tx.em.update(PrinterUpdate, { id: update.id }, { ...said, lastSignOfLife: this.clock.now() });
  }

  /** Records that the printer came back with the version that it had reported. */
  async confirm(tx: Transaction, update: PrinterUpdate): Promise<void> {
    await tx.em.update(PrinterUpdate, { id: update.id }, { confirmed: true });
  }

  /** Ends an update, or turns its end around where the table of states allows that. */
  async end(
    tx: Transaction,
    update: PrinterUpdate,
    to: Exclude<UpdateStatus, 'in_progress'>,
    ending: Ending,
  ): Promise<void> {
    await this.move(tx, update, to, {
      errorMessage: ending.error,
      lastStatusMessage: ending.error ?? COMPLETED_MESSAGE,
      lastPercent: to === 'completed' ? 100 : (ending.percent ?? update.lastPercent),
      confirmed: ending.confirmed ?? false,
      sendOnResume: false,
      attempts: ending.onBehalf ? 0 : update.attempts,
      completedAt: this.clock.now(),
    });
    tx.afterCommit(() => {
      const reason = ending.error === null ? '' : `: ${ending.error}`;
      const what = `Update ${update.id} of printer ${update.printerId} to ${update.version}`;
      this.logger.log(`${what} ${to}${reason}`);
    });
  }

  /** Lets a failed update that a retry had replaced count again, unless another one has taken its place. */
  async reinstate(tx: Transaction, update: PrinterUpdate): Promise<PrinterUpdate> {
    const { rolloutId, printerId } = update;
    if (!update.superseded || rolloutId === null) return update;
    if (await tx.em.existsBy(PrinterUpdate, { rolloutId, printerId, superseded: false })) return update;
    await tx.em.update(PrinterUpdate, { id: update.id }, { superseded: false });
    await this.progress.count(tx, rolloutId, update.status, 1);
    await this.progress.noLongerPendingAtCancel(tx, rolloutId);
    return { ...update, superseded: false };
  }

  /** What the earlier updates of some printers mean for a decision, by the printer's number. */
  async situations(
    tx: Transaction,
    printers: readonly Printer[],
    comesBack: boolean,
  ): Promise<Map<number, Situation>> {
    const updates = await tx.em.findBy(PrinterUpdate, {
      printerId: In(printers.map((printer) => printer.id)),
      superseded: false,
    });
    const byPrinter = new Map<number, PrinterUpdate[]>(printers.map((printer) => [printer.id, []]));
    for (const update of updates) byPrinter.get(update.printerId)?.push(update);
    return new Map([...byPrinter].map(([id, own]) => [id, toSituation(own, comesBack)]));
  }

  private async insert(
    tx: Transaction,
    printer: Printer,
    rule: RolloutRule,
    build: Build,
    status: 'in_progress' | 'declined',
  ): Promise<void> {
    const now = this.clock.now();
    const declined = status === 'declined';
    const row: Omit<PrinterUpdate, 'id'> = {
      rolloutId: rule.id,
      sentByRolloutId: rule.id,
      printerId: printer.id,
      firmwareId: build.firmwareId,
      version: rule.version,
      status,
      attempts: declined ? 0 : 1,
      sendOnResume: false,
      confirmed: false,
      superseded: false,
      errorMessage: declined ? AUTO_UPDATE_OFF : null,
      startedAt: now,
      completedAt: declined ? now : null,
      lastSignOfLife: now,
      lastPercent: 0,
      lastStatusMessage: declined ? AUTO_UPDATE_OFF : null,
    };
    await tx.em.insert(PrinterUpdate, row);
    await this.progress.count(tx, rule.id, status, 1);
    await this.progress.settle(tx, [rule.id]);
    if (!declined) return;
    tx.afterCommit(() =>
      this.logger.log(`Update of printer ${printer.id} to ${rule.version} declined: ${AUTO_UPDATE_OFF}`),
    );
  }

  private async move(
    tx: Transaction,
    update: PrinterUpdate,
    to: UpdateStatus,
    columns: Partial<PrinterUpdate>,
  ): Promise<void> {
    const from = update.status;
    if (!updateMayMove(from, to)) throw new Error(`Update ${update.id} cannot go from ${from} to ${to}`);
    const { affected } = await tx.em.update(
      PrinterUpdate,
      { id: update.id, status: from },
      { ...columns, status: to },
    );
    if (affected !== 1) throw new Error(`Update ${update.id} is no longer ${from}`);
    if (update.rolloutId !== null && !update.superseded) {
      await this.progress.count(tx, update.rolloutId, from, -1);
      await this.progress.count(tx, update.rolloutId, to, 1);
    }
    await countForFirmware(tx, update.firmwareId, from, -1);
    await countForFirmware(tx, update.firmwareId, to, 1);
    if (update.rolloutId !== null) await this.progress.settle(tx, [update.rolloutId]);
  }
}

async function countForFirmware(
  tx: Transaction,
  firmwareId: number | null,
  status: UpdateStatus,
  by: number,
): Promise<void> {
  if (firmwareId === null || (status !== 'completed' && status !== 'failed')) return;
  const column = status === 'completed' ? 'successCount' : 'failureCount';
  await tx.em.increment(Firmware, { id: firmwareId }, column, by);
}

function toSituation(updates: readonly PrinterUpdate[], comesBack: boolean): Situation {
  return {
    earlier: new Map(
      updates.flatMap((update) =>
        update.rolloutId === null
          ? []
          : [[update.rolloutId, { status: update.status, attempts: update.attempts }]],
      ),
    ),
    // After `firmware_complete` the board reboots: what it runs is known when it subscribes again, not before.
    busy: updates.some(
      ({ status, confirmed }) => status === 'in_progress' || (status === 'completed' && !confirmed),
    ),
    comesBack,
  };
}
