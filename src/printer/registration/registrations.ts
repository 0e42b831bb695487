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

/** Requests of printers to be registered, on which an operator decides (`REGISTRATION=approve`). */
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
   * One page of requests, including accepted printers that have not reconnected yet.
   *
   * @param before number of the request after which the page starts; undefined for the first page
   */
  page(
    status: RegistrationStatus | undefined,
    limit: number,
    before: number | undefined,
  ): Promise<CountedPage<Registration>> {
    const condition = { sql: 'status = coalesce(?, status)', values: [status ?? null] };
    return this.database.read(async (sql) => ({
      ...(await newestFirst(this.table, sql, condition, limit, before)),
      total: await sql.count(`SELECT count(*) FROM registration WHERE ${condition.sql}`, ...condition.values),
    }));
  }

  /**
   * Accepts or rejects a printer. A rejected one is refused until its request is deleted; an accepted one is registered when it reconnects,
   * which it does by itself.
   *
   * @throws NotFoundError if it has not asked
   */
  decide(uuid: string, status: RegistrationStatus): Promise<Registration> {
    return this.database.write(async (tx) => {
      const before = await this.findOrThrow(tx, uuid);
      const after = { ...before, status };
      await this.table.update(tx.sql, before.id, { status });
      await this.audit.record(tx, {
        action: 'registration.change',
        subject: `registration/${uuid}`,
        before: toState(before),
        after: toState(after),
      });
      tx.afterCommit(() => this.logger.log(`Printer ${uuid} is ${status}`));
      return after;
    });
  }

  /**
   * Deletes a request; the printer may ask again.
   *
   * @throws NotFoundError if it has not asked
   */
  remove(uuid: string): Promise<void> {
    return this.database.write(async (tx) => {
      const before = await this.findOrThrow(tx, uuid);
      await tx.sql.run('DELETE FROM registration WHERE uuid = ?', uuid);
      await this.audit.record(tx, {
        action: 'registration.delete',
        subject: `registration/${uuid}`,
        before: toState(before),
        after: null,
      });
    });
  }

  private async findOrThrow(tx: Transaction, uuid: string): Promise<Registration> {
    const found = await this.table.find(tx.sql, 'WHERE uuid = ?', uuid);
    if (found === null) throw new NotFoundError(`Registration not found: ${uuid}`);
    return found;
  }
}

function toState({ status, name, userId, address }: Registration): AuditedState {
  return { status, printer_name: name, user_id: userId, address };
}
