import { Table } from 'typeorm';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { column } from './columns.js';

/** The bytes that each rollout sends and that each version was sent with, and the digest that ESP32 images carry in themselves. */
export class FirmwareBytes1770400000000 implements MigrationInterface {
  readonly name = 'FirmwareBytes1770400000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.createTable(
      new Table({
        name: 'rollout_build',
        columns: [
          {
            ...column('rollout_id', 'integer'),
            isPrimary: true,
            primaryKeyConstraintName: 'pk_rollout_build',
          },
          { ...column('platform', 'varchar'), isPrimary: true, primaryKeyConstraintName: 'pk_rollout_build' },
          column('sha256', 'varchar'),
        ],
        foreignKeys: [
          {
            name: 'fk_rollout_build_rollout',
            columnNames: ['rollout_id'],
            referencedTableName: 'rollout',
            referencedColumnNames: ['id'],
            onDelete: 'CASCADE',
          },
        ],
      }),
    );
    await runner.createTable(
      new Table({
        name: 'sent_firmware',
        columns: [
          {
            ...column('firmware_id', 'integer'),
            isPrimary: true,
            primaryKeyConstraintName: 'pk_sent_firmware',
          },
          column('version', 'varchar'),
          column('platform', 'varchar'),
          column('sha256', 'varchar'),
          column('printers', 'integer'),
        ],
        indices: [{ name: 'ix_sent_firmware_version', columnNames: ['version', 'platform'] }],
      }),
    );
    // Not addColumn: on SQLite it copies the table.
    await runner.query(`ALTER TABLE "firmware" ADD COLUMN "appended_sha256" varchar`);
    await runner.query(PIN);
    await runner.query(RECORD_SENT);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE "firmware" DROP COLUMN "appended_sha256"`);
    await runner.dropTable('sent_firmware');
    await runner.dropTable('rollout_build');
  }
}

// All rows of a version and platform had the same bytes at every moment. A rollout that had lost its firmware stays without: what
// stands under its version now may be other bytes.
const PIN = `INSERT INTO rollout_build (rollout_id, platform, sha256)
  SELECT DISTINCT r.id, f.platform, f.sha256 FROM rollout r JOIN firmware f ON f.version = r.firmware_version
  WHERE r.firmware_version_id IS NOT NULL`;

// A printer counts once for a version and platform, with the row that it was sent first.
const RECORD_SENT = `INSERT INTO sent_firmware (firmware_id, version, platform, sha256, printers)
  SELECT f.id, f.version, f.platform, f.sha256, coalesce(counted.printers, 0)
  FROM (SELECT DISTINCT firmware_id FROM printer_update WHERE attempts > 0) sent
  JOIN firmware f ON f.id = sent.firmware_id
  LEFT JOIN (
    SELECT first.firmware_id, count(*) AS printers FROM (
      SELECT min(u.firmware_id) AS firmware_id FROM printer_update u JOIN firmware f ON f.id = u.firmware_id
      WHERE u.attempts > 0 GROUP BY u.printer_id, f.version, f.platform
    ) first GROUP BY first.firmware_id
  ) counted ON counted.firmware_id = f.id`;
