import { Injectable, Logger } from '@nestjs/common';
import { Subject } from 'rxjs';
import type { Observable } from 'rxjs';
import { AuditLog } from '../audit/audit-log.js';
import type { AuditedState } from '../audit/audit-log.js';
import { Changes } from '../database/changes.js';
import { Database } from '../database/database.js';
import type { Table } from '../database/table.js';
import type { Transaction } from '../database/transaction.js';
import { PrinterCounts } from './counts/printer-counts.js';
import { PrinterDeltas } from './counts/printer-deltas.js';
import type { PrinterObserver } from './printer-observer.js';
import { Printer } from './printer.entity.js';
import { PrinterService } from './printer.service.js';

/** A change to a printer by an operator. */
export interface PrinterChange {
  blocked?: boolean | undefined;
  resetKey?: boolean | undefined;
}

/** A printer whose connections must be closed. */
export interface CredentialsChange {
  uuid: string;
  /** The reason for the close frame. */
  reason: string;
}

/** What operators do with printers: block, unblock, reset the secret, delete. */
@Injectable()
export class PrinterAdminService {
  private readonly logger = new Logger('Printer');
  private readonly table: Table<Printer>;
  private readonly shutOut = new Subject<CredentialsChange>();
  private readonly observers: PrinterObserver[] = [];

  constructor(
    private readonly database: Database,
    private readonly printers: PrinterService,
    private readonly printerCounts: PrinterCounts,
    private readonly audit: AuditLog,
    private readonly changes: Changes,
  ) {
    this.table = database.table(Printer);
  }

  /**
   * Blocks or unblocks a printer, or deletes its secret so that it may send another one.
   *
   * @throws NotFoundError if there is none
   */
  change(key: number | string, change: PrinterChange): Promise<Printer> {
    return this.database.write(async (tx) => {
      const before = await this.printers.find(tx.sql, key);
      const changes = {
        ...(change.blocked === undefined ? {} : { blocked: change.blocked }),
        ...(change.resetKey ? { keyHash: null } : {}),
      };
      if (Object.keys(changes).length === 0) return before;
      await this.table.update(tx.sql, before.id, changes);
      const after = { ...before, ...changes };
      await this.count(tx, before, after);
      for (const observer of this.observers) await observer.changed(tx, before, after);
      this.changes.printerIn(tx, before.id);
      await this.audit.record(tx, {
        action: 'printer.change',
        subject: `printer/${before.id}`,
        before: toState(before),
        after: toState(after),
      });
      tx.afterCommit(() => {
        this.logger.log(`Printer ${before.id} (${before.uuid}) was changed: ${JSON.stringify(change)}`);
        this.shutOut.next({
          uuid: before.uuid,
          reason: after.blocked ? 'blocked by an operator' : 'authentication required',
        });
      });
      return after;
    });
  }

  /**
   * Deletes a printer and its history, and removes it from the counters of rollouts. If registration is open, it may register again; to
   * keep it out, block it.
   *
   * @throws NotFoundError if there is none
   */
  remove(key: number | string): Promise<void> {
    return this.database.write(async (tx) => {
      const printer = await this.printers.find(tx.sql, key);
      const { id, uuid } = printer;
      for (const observer of this.observers) await observer.beforeDelete(tx, printer);
      await this.count(tx, printer, null);
      await tx.sql.run('DELETE FROM printer WHERE id = ?', id);
      this.changes.printerIn(tx, id);
      await this.audit.record(tx, {
        action: 'printer.delete',
        subject: `printer/${id}`,
        before: toState(printer),
        after: null,
      });
      tx.afterCommit(() => {
        this.logger.log(`Printer ${id} (${uuid}) was deleted`);
        this.shutOut.next({ uuid, reason: 'deleted by an operator' });
      });
    });
  }

  private async count(tx: Transaction, before: Printer, after: Printer | null): Promise<void> {
    const deltas = new PrinterDeltas();
    deltas.add(before, after);
    await this.printerCounts.add(tx.sql, deltas);
  }

  /** Registers a feature that stores something about printers. */
  observe(observer: PrinterObserver): void {
    this.observers.push(observer);
  }

  /** Emits, after the commit, each printer whose connections must be closed. */
  get credentialsChanged(): Observable<CredentialsChange> {
    return this.shutOut.asObservable();
  }
}

/** The part of a printer that operators can change, for the audit log. */
function toState(printer: Printer): AuditedState {
  return {
    uuid: printer.uuid,
    name: printer.name,
    user_id: printer.userId,
    firmware_version: printer.firmwareVersion,
    update_channel: printer.updateChannel,
    blocked: printer.blocked,
    has_key: printer.keyHash !== null,
  };
}
