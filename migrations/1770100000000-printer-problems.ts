import { Table, TableIndex } from 'typeorm';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { column } from './columns.js';

const TALLY = 'printer_tally';
const primary = (name: string, type: string, table: string): ReturnType<typeof column> => ({
  ...column(name, type),
  isPrimary: true,
  primaryKeyConstraintName: `pk_${table}`,
});
const KIND = [
  ['update_channel', 'varchar'],
  ['version_key', 'varchar'],
  ['platform', 'varchar'],
  ['version_rollout_id', 'integer'],
] as const;
const COUNTED = `coalesce(platform, ''), coalesce(version_rollout_id, 0)`;

/** Printers whose version cannot be read, what is wrong with subscribes, and blocked printers counted apart. */
export class PrinterProblems1770100000000 implements MigrationInterface {
  readonly name = 'PrinterProblems1770100000000';

  async up(runner: QueryRunner): Promise<void> {
    // Not changeColumn and addColumn: on SQLite they make the table anew, and the numbers of deleted printers would be given again.
    await runner.query('ALTER TABLE "printer" RENAME COLUMN "firmware_version" TO "old_version"');
    for (const [name, type] of [
      ['firmware_version', 'varchar'],
      ['reported_version', 'varchar'],
      ['problems', 'text'],
      ['has_problems', 'boolean'],
    ])
      await runner.query(`ALTER TABLE "printer" ADD COLUMN "${name}" ${type}`);
    await runner.query('UPDATE "printer" SET "firmware_version" = "old_version", "has_problems" = false');
    await runner.query('ALTER TABLE "printer" DROP COLUMN "old_version"');
    await runner.createIndex(
      'printer',
      new TableIndex({
        name: 'ix_printer_has_problems_true',
        columnNames: ['has_problems'],
        where: '"has_problems" = true',
      }),
    );
    await runner.createTable(
      new Table({
        name: 'problem_tally',
        columns: [primary('field', 'varchar', 'problem_tally'), column('printers', 'integer')],
      }),
    );
    await this.countAgain(runner, [...KIND, ['blocked', 'boolean']], `${COUNTED}, blocked`, '1, 2, 3, 4, 5');
    await runner.query('ALTER TABLE "registration" ADD COLUMN "address_group" varchar');
    await runner.query('UPDATE "registration" SET "address_group" = "address"');
    await runner.createIndex(
      'registration',
      new TableIndex({
        name: 'ix_registration_status_address',
        columnNames: ['status', 'address_group'],
      }),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropIndex('registration', 'ix_registration_status_address');
    await runner.query('ALTER TABLE "registration" DROP COLUMN "address_group"');
    await runner.dropTable('problem_tally');
    await runner.dropIndex('printer', 'ix_printer_has_problems_true');
    // What a printer counted as that had never named its version.
    await runner.query(`UPDATE "printer" SET "firmware_version" = '0.0.0', "version_key" = 'b0b0b0~'
      WHERE "firmware_version" IS NULL`);
    for (const name of ['reported_version', 'problems', 'has_problems'])
      await runner.query(`ALTER TABLE "printer" DROP COLUMN "${name}"`);
    await this.countAgain(runner, KIND, COUNTED, '1, 2, 3, 4');
  }

  /** Makes the tally anew: its primary key changes. */
  private async countAgain(
    runner: QueryRunner,
    kind: ReadonlyArray<readonly [string, string]>,
    counted: string,
    groups: string,
  ): Promise<void> {
    await runner.dropTable(TALLY);
    await runner.createTable(
      new Table({
        name: TALLY,
        columns: [...kind.map(([name, type]) => primary(name, type, TALLY)), column('printers', 'integer')],
      }),
    );
    const names = kind.map(([name]) => name).join(', ');
    await runner.query(`INSERT INTO ${TALLY} (${names}, printers)
      SELECT update_channel, version_key, ${counted}, count(*) FROM printer GROUP BY ${groups}`);
  }
}
