import { Table } from 'typeorm';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { column, id, typesOf } from './columns.js';

const COUNTERS = [
  'pending_count',
  'in_progress_count',
  'completed_count',
  'failed_count',
  'declined_count',
] as const;

/** The timelines of rollouts, and indexes that list their updates that failed or were declined by printer. */
export class RolloutDetails1769100000000 implements MigrationInterface {
  readonly name = 'RolloutDetails1769100000000';

  async up(runner: QueryRunner): Promise<void> {
    const { instant } = typesOf(runner);
    await runner.createTable(
      new Table({
        name: 'rollout_sample',
        columns: [
          id('rollout_sample'),
          column('rollout_id', 'integer'),
          column('at', instant),
          column('status', 'varchar'),
          ...COUNTERS.map((name) => column(name, 'integer')),
        ],
        foreignKeys: [
          {
            name: 'fk_sample_rollout',
            columnNames: ['rollout_id'],
            referencedTableName: 'rollout',
            referencedColumnNames: ['id'],
            onDelete: 'CASCADE',
          },
        ],
        indices: [{ name: 'ix_sample_rollout', columnNames: ['rollout_id'] }],
      }),
    );
    // Not createIndex and dropIndex: on SQLite they may make the table anew. This is SQL of both databases.
    await runner.query(`DROP INDEX "ix_update_failed"`);
    for (const status of ['failed', 'declined'])
      await runner.query(
        `CREATE INDEX "ix_update_${status}" ON "printer_update" ("rollout_id", "printer_id") WHERE "status" = '${status}'`,
      );
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const status of ['failed', 'declined']) await runner.query(`DROP INDEX "ix_update_${status}"`);
    await runner.query(
      `CREATE INDEX "ix_update_failed" ON "printer_update" ("rollout_id") WHERE "status" = 'failed'`,
    );
    await runner.dropTable('rollout_sample');
  }
}
