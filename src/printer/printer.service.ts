import { Injectable } from '@nestjs/common';
import { NotFoundError } from '../common/errors.js';
import { Database } from '../database/database.js';
import type { Table } from '../database/table.js';
import { Printer } from './printer.entity.js';
import { IN_INTEGERS, IN_TEXTS, jsonList } from '../database/sql.js';
import type { Sql } from '../database/sql.js';

/** The properties of a printer that decisions use. */
export const TARGET_PROPERTIES = [
  'id',
  'uuid',
  'userId',
  'platform',
  'firmwareVersion',
  'versionKey',
  'versionRolloutId',
  'previousVersion',
  'movedBack',
  'bucket',
  'autoUpdate',
  'updateChannel',
  'blocked',
] as const satisfies Array<keyof Printer>;

/** The part of a printer that decisions use. */
export type TargetPrinter = Pick<Printer, (typeof TARGET_PROPERTIES)[number]>;

/** Reads printers. */
@Injectable()
export class PrinterService {
  private readonly table: Table<Printer>;
  private readonly targets: Table<TargetPrinter>;

  constructor(private readonly database: Database) {
    this.table = database.table(Printer);
    this.targets = database.view(Printer, TARGET_PROPERTIES);
  }

  /**
   * One printer, by its number or its UUID, as committed.
   *
   * @throws NotFoundError if there is none
   */
  async get(idOrUuid: number | string): Promise<Printer> {
    return this.find(this.database.committed, idOrUuid);
  }

  /** The printers with these numbers, as targets; those that do not exist are left out. */
  async byIds(sql: Sql, ids: readonly number[]): Promise<TargetPrinter[]> {
    return this.targets.select(sql, `WHERE id ${IN_INTEGERS}`, jsonList(ids));
  }

  /** The printers with these UUIDs, as targets; those that do not exist are left out. */
  async byUuids(sql: Sql, uuids: readonly string[]): Promise<TargetPrinter[]> {
    return this.targets.select(sql, `WHERE uuid ${IN_TEXTS}`, jsonList(uuids));
  }

  /** The printers with these numbers, in slices; numbers without a printer are left out. */
  async *withIds(sql: Sql, ids: readonly number[], slice: number): AsyncGenerator<TargetPrinter[]> {
    for (let start = 0; start < ids.length; start += slice)
      yield await this.byIds(sql, ids.slice(start, start + slice));
  }

  /** All printers, in slices by number. */
  async *all(sql: Sql, slice: number): AsyncGenerator<TargetPrinter[]> {
    for (let after = 0; ;) {
      const printers = await this.targets.select(sql, 'WHERE id > ? ORDER BY id LIMIT ?', after, slice);
      yield printers;
      if (printers.length < slice) return;
      after = printers.at(-1)?.id ?? after;
    }
  }

  /** All printers of one owner, in slices by number. */
  async *ofUser(sql: Sql, userId: string, slice: number): AsyncGenerator<TargetPrinter[]> {
    let after = 0;
    for (;;) {
      const printers = await this.targets.select(
        sql,
        'WHERE user_id = ? AND id > ? ORDER BY id LIMIT ?',
        userId,
        after,
        slice,
      );
      yield printers;
      if (printers.length < slice) return;
      after = printers.at(-1)?.id ?? after;
    }
  }

  /**
   * One printer, by its number or its UUID, as seen on a connection.
   *
   * @throws NotFoundError if there is none
   */
  async find(sql: Sql, key: number | string): Promise<Printer> {
    const condition = typeof key === 'number' ? 'WHERE id = ?' : 'WHERE uuid = ?';
    const printer = await this.table.find(sql, condition, key);
    if (!printer) throw new NotFoundError(`Printer not found: ${key}`);
    return printer;
  }
}
