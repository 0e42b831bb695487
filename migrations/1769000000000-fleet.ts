import { Table } from 'typeorm';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { column, id, typesOf } from './columns.js';

// What the server has ended since the day before the upgrade. SQLite alone: on other databases nothing is that old.
const COUNT_LAST_DAY = `INSERT INTO update_ending (id, completed, failed, declined)
  SELECT CAST(strftime('%s', completed_at) AS integer) / 300, sum(status = 'completed'), sum(status = 'failed'),
    sum(status = 'declined')
  FROM printer_update WHERE completed_at >= datetime('now', '-1 day') GROUP BY 1`;

/** What the whole fleet runs over time, and how many updates end. */
export class Fleet1769000000000 implements MigrationInterface {
  readonly name = 'Fleet1769000000000';

  async up(runner: QueryRunner): Promise<void> {
    const { instant } = typesOf(runner);
    await runner.createTable(
      new Table({
        name: 'fleet_sample',
        columns: [
          id('fleet_sample'),
          column('at', instant),
          column('grain', 'varchar'),
          column('online', 'integer'),
          column('versions', 'text'),
        ],
        indices: [{ name: 'ix_fleet_sample_at', columnNames: ['at'] }],
      }),
    );
    await runner.createTable(
      new Table({
        name: 'update_ending',
        columns: [
          { name: 'id', type: 'integer', isPrimary: true, primaryKeyConstraintName: 'pk_update_ending' },
          column('completed', 'integer'),
          column('failed', 'integer'),
          column('declined', 'integer'),
        ],
      }),
    );
    if (runner.dataSource.options.type === 'better-sqlite3') await runner.query(COUNT_LAST_DAY);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable('update_ending');
    await runner.dropTable('fleet_sample');
  }
}
