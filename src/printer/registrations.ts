import { Injectable, Logger } from '@nestjs/common';
import { AuditLog } from '../audit/audit-log.js';
import type { AuditedState } from '../audit/audit-log.js';
import { addressGroup } from '../common/address.js';
import { Clock } from '../common/clock.js';
import { NotFound } from '../common/errors.js';
import { Database } from '../database/database.js';
import type { Table } from '../database/table.js';
import type { Transaction } from '../database/transaction.js';
import { UnitOfWork } from '../database/unit-of-work.js';
import type { PrinterHello } from './printer.service.js';
import { Registration } from './registration.entity.js';
import type { RegistrationStatus } from './registration.entity.js';

// Whoever makes up a printer a second must not fill the disk; a fleet that waits for its operator finds room.
const MAX_REGISTRATIONS = 10_000;
const MAX_LISTED = 1_000;

/** Printers that ask to be registered, while an operator decides on each (`REGISTRATION=approve`). */
@Injectable()
export class Registrations {
  private readonly logger = new Logger('Registration');
  private readonly table: Table<Registration>;

  constructor(
    private readonly database: Database,
    private readonly unitOfWork: UnitOfWork,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
  ) {
    this.table = database.table(Registration);
  }

  /** Notes that a printer has asked; of one that asks again, the first request stays. */
  request(hello: PrinterHello): Promise<void> {
    return this.unitOfWork.collect((tx) => {
      if (this.find(tx, hello.uuid) !== null || this.count(tx) >= MAX_REGISTRATIONS) return;
      const { uuid, name, platform, keyHash, address } = hello;
      const userId = hello.userId ?? hello.pathId;
      const requestedAt = this.clock.now();
      this.table.insert(tx.db, {
        uuid,
        status: 'pending',
        name,
        userId,
        platform,
        keyHash,
        address,
        addressGroup: addressGroup(address),
        requestedAt,
      });
      tx.afterCommit(() => this.logger.log(`Printer ${uuid} at ${address} asks to be registered`));
    });
  }

  /** The newest of them, those that were accepted and have not come back yet included. */
  list(): Registration[] {
    return this.table.select(this.database.reader, 'ORDER BY id DESC LIMIT ?', MAX_LISTED);
  }

  /**
   * Accepts or rejects a printer. One that is accepted is registered when it connects again, which it does by itself.
   *
   * @throws NotFound where it has not asked
   */
  decide(uuid: string, status: RegistrationStatus): Promise<Registration> {
    return this.unitOfWork.run((tx) => {
      const before = this.findOrThrow(tx, uuid);
      const after = { ...before, status };
      this.table.update(tx.db, before.id, { status });
      this.audit.record(tx, {
        action: 'registration.change',
        subject: `registration/${uuid}`,
        before: toState(before),
        after: toState(after),
      });
      tx.afterCommit(() => this.logger.log(`Printer ${uuid} is ${status}`));
      return Promise.resolve(after);
    });
  }

  /**
   * Forgets that a printer has asked: it may ask again.
   *
   * @throws NotFound where it has not asked
   */
  remove(uuid: string): Promise<void> {
    return this.unitOfWork.run((tx) => {
      const before = this.findOrThrow(tx, uuid);
      this.done(tx, uuid);
      this.audit.record(tx, {
        action: 'registration.delete',
        subject: `registration/${uuid}`,
        before: toState(before),
        after: null,
      });
      return Promise.resolve();
    });
  }

  /** A printer has been registered, or is forgotten. */
  done(tx: Transaction, uuid: string): void {
    tx.db.run('DELETE FROM registration WHERE uuid = ?', uuid);
  }

  private find(tx: Transaction, uuid: string): Registration | null {
    return this.table.find(tx.db, 'WHERE uuid = ?', uuid);
  }

  private findOrThrow(tx: Transaction, uuid: string): Registration {
    const found = this.find(tx, uuid);
    if (found === null) throw new NotFound(`Registration not found: ${uuid}`);
    return found;
  }

  private count(tx: Transaction): number {
    return tx.db.count('SELECT count(*) FROM registration');
  }
}

function toState({ status, name, userId, address }: Registration): AuditedState {
  return { status, printer_name: name, user_id: userId, address };
}
