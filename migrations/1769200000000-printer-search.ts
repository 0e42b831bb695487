import type { MigrationInterface, QueryRunner } from 'typeorm';
import { TableIndex } from 'typeorm';

/** Indexes that printers are searched and listed by. */
export class PrinterSearch1769200000000 implements MigrationInterface {
  readonly name = 'PrinterSearch1769200000000';

  async up(runner: QueryRunner): Promise<void> {
    // TypeORM has no word for a collation. On PostgreSQL this is an index on lower(name).
    await runner.query('CREATE INDEX "ix_printer_name" ON "printer" ("name" COLLATE NOCASE)');
    // Few printers are in these, and nothing else of a printer that changes touches them.
    for (const [column, value] of [
      ['blocked', 'true'],
      ['auto_update', 'false'],
    ] as const)
      await runner.createIndex(
        'printer',
        new TableIndex({
          name: `ix_printer_${column}_${value}`,
          columnNames: [column],
          where: `"${column}" = ${value}`,
        }),
      );
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const name of ['ix_printer_auto_update_false', 'ix_printer_blocked_true'])
      await runner.dropIndex('printer', name);
    await runner.query('DROP INDEX "ix_printer_name"');
  }
}
