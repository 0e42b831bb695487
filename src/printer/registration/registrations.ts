import { Injectable, Logger } from '@nestjs/common';
import { AuditLog } from '../../audit/audit-log.js';
import type { AuditedState } from '../../audit/audit-log.js';
import { NotFoundError } from '../../common/errors.js';
import { Database } from '../../database/database.js';
import { newestFirst } from '../../database/page.js';
import type { CountedPage } from '../../database/page.js';
import type { Table } from '../../database/table.js';
import type { Transaction } from '../../database/transaction.js';
import { Registration } from './registration.entity.js';
import type { RegistrationStatus } from './registration.entity.js';

/** Printers that ask to be registered, while an operator decides on each (`REGISTRATION=approve`). */
@Injectable()
export class Registrations {
  private readonly logger = new Logger('Registration');
  private readonly table: Table<Registration>;

  constructor(
    private readonly database: Database,
    private readonly audit: AuditLog,
  ) {
    this.table = database.table(Registration);
  }

  /**
   * One page of them, those that were accepted and have not come back yet included.
   *
   * @param before number of the one behind which the page begins; absent: the first page
   */
  page(
    status: RegistrationStatus | undefined,
    limit: number,
    before: number | undefined,
  ): CountedPage<Registration> {
    const { reader } = this.database;
    const condition = { sql: 'status = coalesce(?, status)', values: [status ?? null] };
    return {
      ...newestFirst(this.table, reader, condition, limit, before),
      total: reader.count(`SELECT count(*) FROM registration WHERE ${condition.sql}`, ...condition.values),
    };
  }

  /**
   * Accepts or rejects a printer. One that is rejected stays out, until that is forgotten; one that is accepted is registered when it connects again, which it does by itself.
   *
   * @throws NotFoundError if it has not asked
   */
  decide(uuid: string, status: RegistrationStatus): Promise<Registration> {
    return this.database.write((tx) => {
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
    return this.database.write((tx) => {
      const before = this.findOrThrow(tx, uuid);
      tx.db.run('DELETE FROM registration WHERE uuid = ?', uuid);
      this.audit.record(tx, {
        action: 'registration.delete',
        subject: `registration/${uuid}`,
        before: toState(before),
        after: null,
      });
      return Promise.resolve();
    });
  }

  private findOrThrow(tx: Transaction, uuid: string): Registration {
    const found = this.table.find(tx.db, 'WHERE uuid = ?', uuid);
    if (found === null) throw new NotFoundError(`Registration not found: ${uuid}`);
    return found;
  }
}

function toState({ status, name, userId, address }: Registration): AuditedState {
  return { status, printer_name: name, user_id: userId, address };
}
