import { Injectable } from '@nestjs/common';
import { NotFoundError } from '../common/errors.js';
import { Database } from '../database/database.js';
import type { Statements } from '../database/statements.js';
import type { Table } from '../database/table.js';
import { Printer } from './printer.entity.js';

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
  get(idOrUuid: number | string): Printer {
    return this.find(this.database.reader, idOrUuid);
  }

  /** The printers with these numbers, as targets; those that do not exist are left out. */
  byIds(db: Statements, ids: readonly number[]): TargetPrinter[] {
    return this.targets.select(db, 'WHERE id IN (SELECT value FROM json_each(?))', JSON.stringify(ids));
  }

  /** The printers with these UUIDs, as targets; those that do not exist are left out. */
  byUuids(db: Statements, uuids: readonly string[]): TargetPrinter[] {
    return this.targets.select(db, 'WHERE uuid IN (SELECT value FROM json_each(?))', JSON.stringify(uuids));
  }

  /** All printers, in slices by number. */
  *all(db: Statements, slice: number): Generator<TargetPrinter[]> {
    for (let after = 0; ;) {
      const printers = this.targets.select(db, 'WHERE id > ? ORDER BY id LIMIT ?', after, slice);
      yield printers;
      if (printers.length < slice) return;
      after = printers.at(-1)?.id ?? after;
    }
  }

  /** All printers of one owner, in slices by number. */
  *ofUser(db: Statements, userId: string, slice: number): Generator<TargetPrinter[]> {
    let after = 0;
    for (;;) {
      const printers = this.targets.select(
        db,
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
  find(db: Statements, key: number | string): Printer {
    const condition = typeof key === 'number' ? 'WHERE id = ?' : 'WHERE uuid = ?';
    const printer = this.table.find(db, condition, key);
    if (!printer) throw new NotFoundError(`Printer not found: ${key}`);
    return printer;
  }
}
