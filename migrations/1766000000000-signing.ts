import { Table } from 'typeorm';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { column, id, nullable, typesOf } from './columns.js';

const COLUMNS = ['signature', 'signing_key_fingerprint'];

/** The keys that firmware is signed with, and the signatures of builds. */
export class Signing1766000000000 implements MigrationInterface {
  readonly name = 'Signing1766000000000';

  async up(runner: QueryRunner): Promise<void> {
    const { instant } = typesOf(runner);
    await runner.createTable(
      new Table({
        name: 'signing_key',
        columns: [
          id('signing_key'),
          column('name', 'varchar'),
          column('public_key', 'varchar'),
          column('fingerprint', 'varchar'),
          column('created_at', instant),
          nullable('removed_at', instant),
        ],
        indices: [
          {
            name: 'uq_signing_key_registered',
            columnNames: ['fingerprint'],
            isUnique: true,
            where: '"removed_at" IS NULL',
          },
        ],
      }),
    );
    // Not addColumn: on SQLite it makes the table anew, and the numbers of deleted builds, which the history of printers still
    // names, would be given again. This is SQL of both databases.
    for (const name of COLUMNS) await runner.query(`ALTER TABLE "firmware" ADD COLUMN "${name}" varchar`);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const name of COLUMNS) await runner.query(`ALTER TABLE "firmware" DROP COLUMN "${name}"`);
    await runner.dropTable('signing_key');
  }
}
