import { Injectable, Logger } from '@nestjs/common';
import { AuditLog } from '../../audit/audit-log.js';
import type { AuditedState } from '../../audit/audit-log.js';
import { addressGroup } from '../../http/address.js';
import { Clock } from '../../common/clock.js';
import { NotFoundError } from '../../common/errors.js';
import { Throttle } from '../../common/throttle.js';
import { Database } from '../../database/database.js';
import type { Table } from '../../database/table.js';
import type { Transaction } from '../../database/transaction.js';
import { UnitOfWork } from '../../database/unit-of-work.js';
import { PrinterAuthenticator } from '../printer-authenticator.js';
import type { SubscribeRequest } from '../subscribe-request.js';
import { Registration } from './registration.entity.js';
import type { RegistrationStatus } from './registration.entity.js';

// Whoever makes printers up must not fill the disk; a fleet that waits for its operator finds room.
const MAX_WAITING = 10_000;
/** Places of one address: none takes them all. */
const MAX_WAITING_PER_ADDRESS = 1_000;

const WAITING = `WHERE status = 'pending'`;
const FORGET_OLDEST = `DELETE FROM registration WHERE id = (SELECT min(id) FROM registration ${WAITING})`;
const FORGET_OLDEST_OF_ADDRESS = `DELETE FROM registration
  WHERE id = (SELECT min(id) FROM registration ${WAITING} AND address_group = ?)`;

/** One page of printers that have asked, the newest first. */
export interface RegistrationPage {
  registrations: Registration[];
  /** All that match, on whichever page. */
  total: number;
  /** Where the next page begins; null on the last one. */
  nextCursor: number | null;
}

/** Printers that ask to be registered, while an operator decides on each (`REGISTRATION=approve`). */
@Injectable()
export class Registrations {
  private readonly logger = new Logger('Registration');
  private readonly table: Table<Registration>;
  private readonly warnings = { all: new Throttle(), address: new Throttle() };

  constructor(
    private readonly database: Database,
    private readonly unitOfWork: UnitOfWork,
    private readonly audit: AuditLog,
    private readonly authenticator: PrinterAuthenticator,
    private readonly clock: Clock,
  ) {
    this.table = database.table(Registration);
  }

  /**
   * Notes that a printer has asked; of one that asks again, the first request stays. Where there is no room, the one that has waited
   * longest is forgotten: a printer that is still there asks again.
   *
   * @throws PrinterRefusedError if its address has asked for too many in this minute
   */
  request(hello: SubscribeRequest): Promise<void> {
    return this.unitOfWork.collect((tx) => {
      if (this.find(tx, hello.uuid) !== null) return;
      const { uuid, name, platform, keyHash, address } = hello;
      this.authenticator.admitNew(address);
      this.makeRoom(tx, address);
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

  /**
   * One page of them, those that were accepted and have not come back yet included.
   *
   * @param before number of the one behind which the page begins; absent: the first page
   */
  page(status: RegistrationStatus | undefined, limit: number, before: number | undefined): RegistrationPage {
    const { reader } = this.database;
    const rows = this.table.select(
      reader,
      'WHERE status = coalesce(?, status) AND id < ? ORDER BY id DESC LIMIT ?',
      status ?? null,
      before ?? Number.MAX_SAFE_INTEGER,
      limit + 1,
    );
    const registrations = rows.slice(0, limit);
    const total = reader.count(
      'SELECT count(*) FROM registration WHERE status = coalesce(?, status)',
      status ?? null,
    );
    return {
      registrations,
      total,
      nextCursor: rows.length > limit ? (registrations.at(-1)?.id ?? null) : null,
    };
  }

  /**
   * Accepts or rejects a printer. One that is rejected stays out, until that is forgotten; one that is accepted is registered when it connects again, which it does by itself.
   *
   * @throws NotFoundError if it has not asked
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
   * @throws NotFoundError if it has not asked
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
    if (found === null) throw new NotFoundError(`Registration not found: ${uuid}`);
    return found;
  }

  private makeRoom(tx: Transaction, address: string): void {
    const group = addressGroup(address);
    const ofAddress = `SELECT count(*) FROM registration ${WAITING} AND address_group = ?`;
    if (
      !this.authenticator.isUnlimited(address) &&
      tx.db.count(ofAddress, group) >= MAX_WAITING_PER_ADDRESS
    ) {
      tx.db.run(FORGET_OLDEST_OF_ADDRESS, group);
      const problem = `${MAX_WAITING_PER_ADDRESS} printers at ${group} wait for approval: the oldest of them are forgotten`;
      this.warnings.address.run(() => this.logger.warn(problem));
    } else if (tx.db.count(`SELECT count(*) FROM registration ${WAITING}`) >= MAX_WAITING) {
      tx.db.run(FORGET_OLDEST);
      const problem = `${MAX_WAITING} printers wait for approval: the oldest are forgotten`;
      this.warnings.all.run(() => this.logger.warn(problem));
    }
  }
}

function toState({ status, name, userId, address }: Registration): AuditedState {
  return { status, printer_name: name, user_id: userId, address };
}
