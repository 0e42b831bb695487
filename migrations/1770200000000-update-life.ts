import { Table } from 'typeorm';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { column, id, nullable, typesOf } from './columns.js';

const COPIED = `"id", "rollout_id", "printer_id", "firmware_id", "firmware_version", "status", "attempts", "send_on_resume",
  "confirmed", "superseded", "error_message", "started_at", "completed_at", "last_percent", "last_status_message"`;
// What kept a printer busy was sent last, even if a clock that was set back makes it look older.
const BUSY = `("status" = 'in_progress' OR ("status" = 'completed' AND NOT "confirmed"))`;
const SEQUENCE = `row_number() OVER (PARTITION BY "printer_id" ORDER BY ${BUSY}, "started_at", "id")`;

/**
 * Updates are ordered by a number and their silence is counted by the time that the server has run, no longer by the clock; and what
 * was pending when a rollout was cancelled is kept.
 */
export class UpdateLife1770200000000 implements MigrationInterface {
  readonly name = 'UpdateLife1770200000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.createTable(
      new Table({
        name: 'service_time',
        columns: [
          { name: 'id', type: 'integer', isPrimary: true, primaryKeyConstraintName: 'pk_service_time' },
          column('seconds', 'integer'),
        ],
      }),
    );
    const inKey = { type: 'integer', isPrimary: true, primaryKeyConstraintName: 'pk_cancelled_pending' };
    await runner.createTable(
      new Table({
        name: 'cancelled_pending',
        columns: [
          { name: 'rollout_id', ...inKey },
          { name: 'first_printer_id', ...inKey },
          column('printer_ids', 'text'),
        ],
        foreignKeys: [
          {
            name: 'fk_cancelled_pending_rollout',
            columnNames: ['rollout_id'],
            referencedTableName: 'rollout',
            referencedColumnNames: ['id'],
            onDelete: 'CASCADE',
          },
        ],
      }),
    );
    const columns = [
      column('last_heard', 'integer'),
      column('last_sent', 'integer'),
      column('sequence', 'integer'),
    ];
    const values = `0, 0, ${SEQUENCE}`;
    await replaceUpdates(runner, columns, `"last_heard", "last_sent", "sequence"`, values);
    await createIndexes(runner, [
      `UNIQUE INDEX "uq_update_printer_sequence" ON "printer_update" ("printer_id", "sequence")`,
      `INDEX "ix_update_last_heard" ON "printer_update" ("last_heard") WHERE "status" = 'in_progress'`,
      `INDEX "ix_update_last_sent" ON "printer_update" ("last_sent") WHERE "status" = 'in_progress'`,
    ]);
  }

  async down(runner: QueryRunner): Promise<void> {
    const { instant } = typesOf(runner);
    await replaceUpdates(
      runner,
      [column('last_sign_of_life', instant)],
      `"last_sign_of_life"`,
      `"started_at"`,
    );
    await createIndexes(runner, [
      `INDEX "ix_update_printer" ON "printer_update" ("printer_id", "started_at")`,
      `INDEX "ix_update_last_sign" ON "printer_update" ("last_sign_of_life") WHERE "status" = 'in_progress'`,
    ]);
    await runner.dropTable('cancelled_pending');
    await runner.dropTable('service_time');
  }
}

/** Copies the updates once into a table with other columns: a column without a default cannot be added to rows that exist. */
async function replaceUpdates(
  runner: QueryRunner,
  columns: Array<ReturnType<typeof column>>,
  names: string,
  values: string,
): Promise<void> {
  const { instant } = typesOf(runner);
  await runner.createTable(
    new Table({
      name: 'printer_update_copy',
      columns: [
        id('printer_update'),
        column('rollout_id', 'integer'),
        column('printer_id', 'integer'),
        column('firmware_id', 'integer'),
        column('firmware_version', 'varchar'),
        column('status', 'varchar'),
        column('attempts', 'integer'),
        column('send_on_resume', 'boolean'),
        column('confirmed', 'boolean'),
        column('superseded', 'boolean'),
        nullable('error_message', 'text'),
        column('started_at', instant),
        nullable('completed_at', instant),
        column('last_percent', 'integer'),
        nullable('last_status_message', 'text'),
        ...columns,
      ],
      foreignKeys: [
        {
          name: 'fk_update_printer',
          columnNames: ['printer_id'],
          referencedTableName: 'printer',
          referencedColumnNames: ['id'],
          onDelete: 'CASCADE',
        },
      ],
    }),
  );
  await runner.query(
    `INSERT INTO "printer_update_copy" (${COPIED}, ${names}) SELECT ${COPIED}, ${values} FROM "printer_update"`,
  );
  await runner.dropTable('printer_update');
  // Not renameTable: it gives the constraints other names.
  await runner.query('ALTER TABLE "printer_update_copy" RENAME TO "printer_update"');
  await createIndexes(runner, [
    `UNIQUE INDEX "uq_update_one_under_way" ON "printer_update" ("printer_id") WHERE "status" = 'in_progress'`,
    `UNIQUE INDEX "uq_update_rollout_printer" ON "printer_update" ("rollout_id", "printer_id") WHERE "superseded" = false`,
    `INDEX "ix_update_failed" ON "printer_update" ("rollout_id", "printer_id") WHERE "status" = 'failed'`,
    `INDEX "ix_update_declined" ON "printer_update" ("rollout_id", "printer_id") WHERE "status" = 'declined'`,
  ]);
}

// Not createIndex: on SQLite it may make the table anew.
async function createIndexes(runner: QueryRunner, indexes: readonly string[]): Promise<void> {
  for (const index of indexes) await runner.query(`CREATE ${index}`);
}
