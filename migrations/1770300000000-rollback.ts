import { Table } from 'typeorm';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { bucketOf } from '../src/common/bucket.js';
import { column, id, nullable, typesOf } from './columns.js';

// Rows per batch.
const BATCH = 5_000;

const COLUMNS = [
  ['previous_version', 'varchar'],
  ['moved_back', 'varchar'],
  ['bucket', 'integer'],
] as const;
const ROLLOUT_COLUMNS = [
  ['name', 'varchar'],
  ['note', 'text'],
  ['created_by', 'varchar'],
  ['rollback_id', 'integer'],
  ['came_from', 'text'],
  ['taken_back_by', 'integer'],
] as const;
const OLD_KEY = ['update_channel', 'version_key', 'platform', 'version_rollout_id', 'blocked'];
const KEY = [...OLD_KEY.slice(0, -1), 'previous_version', 'moved_back', 'bucket', 'blocked'];
const TYPES: Readonly<Record<string, string>> = {
  version_rollout_id: 'integer',
  bucket: 'integer',
  blocked: 'boolean',
};
const NOT_NULL = {
  platform: `''`,
  version_rollout_id: '0',
  previous_version: `''`,
  moved_back: `''`,
} as const;

/** What rollbacks need to know of each printer: what it ran before, and what it was moved back from. And its bucket. */
export class Rollback1770300000000 implements MigrationInterface {
  readonly name = 'Rollback1770300000000';

  async up(runner: QueryRunner): Promise<void> {
    // Not addColumn: on SQLite it makes the table anew, and its updates would go with it. A column that is added so must be nullable.
    for (const [name, type] of COLUMNS)
      await runner.query(`ALTER TABLE "printer" ADD COLUMN "${name}" ${type}`);
    await fillPrinters(runner);
    await createTally(runner, KEY);
    await runner.createTable(
      new Table({
        name: 'rollback',
        columns: [
          id('rollback'),
          column('firmware_version', 'varchar'),
          column('to_version', 'varchar'),
          column('rollouts', 'integer'),
          column('created_by', 'varchar'),
          column('created_at', typesOf(runner).instant),
        ],
        indices: [{ name: 'ix_rollback_version', columnNames: ['firmware_version'] }],
      }),
    );
    await createTargets(runner);
    await createPending(runner);
    for (const [name, type] of ROLLOUT_COLUMNS)
      await runner.query(`ALTER TABLE "rollout" ADD COLUMN "${name}" ${type}`);
    await runner.query('CREATE INDEX "ix_rollout_rollback" ON "rollout" ("rollback_id")');
    await runner.query('CREATE INDEX "ix_rollout_taken_back_by" ON "rollout" ("taken_back_by")');
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const name of ['ix_rollout_rollback', 'ix_rollout_taken_back_by'])
      await runner.query(`DROP INDEX "${name}"`);
    for (const [name] of ROLLOUT_COLUMNS) await runner.query(`ALTER TABLE "rollout" DROP COLUMN "${name}"`);
    await runner.dropTable('rollout_pending');
    await dropTargets(runner);
    await runner.dropTable('rollback');
    await createTally(runner, OLD_KEY);
    for (const [name] of COLUMNS) await runner.query(`ALTER TABLE "printer" DROP COLUMN "${name}"`);
  }
}

/** What a printer ran before is known if an update of ours led there. */
async function fillPrinters(runner: QueryRunner): Promise<void> {
  for (let after = 0; ;) {
    const rows = (await runner.query(
      `SELECT id, uuid FROM printer WHERE id > ${after} ORDER BY id LIMIT ${BATCH}`,
    )) as Array<{ id: number; uuid: string }>;
    const last = rows.at(-1);
    if (last === undefined) return;
    const byBucket = new Map<number, number[]>();
    for (const { id, uuid } of rows)
      byBucket.set(bucketOf(uuid), [...(byBucket.get(bucketOf(uuid)) ?? []), id]);
    for (const [bucket, ids] of byBucket)
      await runner.query(`UPDATE printer SET bucket = ${bucket} WHERE id IN (${ids.join(', ')})`);
    await runner.query(
      `UPDATE printer SET previous_version = (SELECT u.firmware_version FROM printer_update u WHERE u.printer_id = printer.id
        AND u.status = 'completed' AND u.firmware_version <> printer.firmware_version ORDER BY u.id DESC LIMIT 1)
        WHERE id > ${after} AND id <= ${last.id}`,
    );
    after = last.id;
  }
}

const LISTS = ['user_ids', 'printer_ids'];

/** Moves the lists of rollouts into a table of their own. */
async function createTargets(runner: QueryRunner): Promise<void> {
  await runner.createTable(
    new Table({
      name: 'rollout_target',
      columns: [
        {
          ...column('rollout_id', 'integer'),
          isPrimary: true,
          primaryKeyConstraintName: 'pk_rollout_target',
        },
        ...LISTS.map((name) => nullable(name, 'text')),
      ],
      foreignKeys: [
        {
          name: 'fk_rollout_target_rollout',
          columnNames: ['rollout_id'],
          referencedTableName: 'rollout',
          referencedColumnNames: ['id'],
          onDelete: 'CASCADE',
        },
      ],
    }),
  );
  await runner.query(
    `INSERT INTO rollout_target (rollout_id, user_ids, printer_ids) SELECT id, target_user_ids, target_printer_ids FROM rollout
      WHERE target_user_ids IS NOT NULL OR target_printer_ids IS NOT NULL`,
  );
  await runner.query('ALTER TABLE "rollout" ADD COLUMN "target_ids_count" integer');
  // In a JSON list of UUIDs each takes 38 characters, and the comma behind it.
  await runner.query(
    `UPDATE rollout SET target_ids_count = (SELECT (length(coalesce(user_ids, printer_ids)) - 1) / 39 FROM rollout_target
      WHERE rollout_id = rollout.id)`,
  );
  for (const name of LISTS) await runner.query(`ALTER TABLE "rollout" DROP COLUMN "target_${name}"`);
}

/** The server counts the pending targets of rollouts by bucket when it starts. */
async function createPending(runner: QueryRunner): Promise<void> {
  const inKey = { type: 'integer', isPrimary: true, primaryKeyConstraintName: 'pk_rollout_pending' };
  await runner.createTable(
    new Table({
      name: 'rollout_pending',
      columns: [{ ...inKey, name: 'rollout_id' }, { ...inKey, name: 'bucket' }, column('pending', 'integer')],
      foreignKeys: [
        {
          name: 'fk_rollout_pending_rollout',
          columnNames: ['rollout_id'],
          referencedTableName: 'rollout',
          referencedColumnNames: ['id'],
          onDelete: 'CASCADE',
        },
      ],
    }),
  );
}

async function dropTargets(runner: QueryRunner): Promise<void> {
  for (const name of LISTS) {
    await runner.query(`ALTER TABLE "rollout" ADD COLUMN "target_${name}" text`);
    await runner.query(
      `UPDATE rollout SET target_${name} = (SELECT ${name} FROM rollout_target WHERE rollout_id = rollout.id)`,
    );
  }
  await runner.query('ALTER TABLE "rollout" DROP COLUMN "target_ids_count"');
  await runner.dropTable('rollout_target');
}

/** Creates `printer_tally` with another key, and counts all printers by it. */
async function createTally(runner: QueryRunner, key: readonly string[]): Promise<void> {
  await runner.dropTable('printer_tally');
  await runner.createTable(
    new Table({
      name: 'printer_tally',
      columns: [
        ...key.map((name) => ({
          ...column(name, TYPES[name] ?? 'varchar'),
          isPrimary: true,
          primaryKeyConstraintName: 'pk_printer_tally',
        })),
        column('printers', 'integer'),
      ],
    }),
  );
  const values = key.map((name) =>
    name in NOT_NULL ? `coalesce(${name}, ${NOT_NULL[name as keyof typeof NOT_NULL]})` : name,
  );
  const places = key.map((_, index) => index + 1).join(', ');
  await runner.query(
    `INSERT INTO printer_tally (${key.join(', ')}, printers) SELECT ${values.join(', ')}, count(*) FROM printer GROUP BY ${places}`,
  );
}
