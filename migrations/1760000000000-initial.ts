import { Table } from 'typeorm';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { column, id, nullable, typesOf } from './columns.js';

/** Firmware, printers, rollouts and updates. */
export class Initial1760000000000 implements MigrationInterface {
  readonly name = 'Initial1760000000000';

  async up(runner: QueryRunner): Promise<void> {
    const { instant } = typesOf(runner);
    await runner.createTable(
      new Table({
        name: 'firmware',
        columns: [
          id('firmware'),
          column('version', 'varchar'),
          column('version_key', 'varchar'),
          column('channel', 'varchar'),
          column('platform', 'varchar'),
          column('file_size', 'integer'),
          column('md5', 'varchar'),
          column('sha256', 'varchar'),
          nullable('release_notes', 'text'),
          nullable('changelog', 'text'),
          column('mandatory', 'boolean'),
          nullable('min_upgrade_version', 'varchar'),
          column('released_at', instant),
          nullable('deprecated_at', instant),
          column('download_count', 'integer'),
          column('success_count', 'integer'),
          column('failure_count', 'integer'),
        ],
        uniques: [
          { name: 'uq_firmware_version_channel_platform', columnNames: ['version', 'channel', 'platform'] },
        ],
        indices: [
          { name: 'ix_firmware_channel_version', columnNames: ['channel', 'version_key'] },
          { name: 'ix_firmware_sha256', columnNames: ['sha256'] },
        ],
      }),
    );
    await runner.createTable(
      new Table({
        name: 'printer',
        columns: [
          id('printer'),
          column('uuid', 'varchar'),
          column('name', 'varchar'),
          column('user_id', 'varchar'),
          nullable('platform', 'varchar'),
          column('firmware_version', 'varchar'),
          column('version_key', 'varchar'),
          nullable('version_rollout_id', 'integer'),
          column('auto_update', 'boolean'),
          column('update_channel', 'varchar'),
          nullable('key_hash', 'varchar'),
          column('blocked', 'boolean'),
          column('last_connected', instant),
          nullable('last_ip', 'varchar'),
          column('created_at', instant),
        ],
        uniques: [{ name: 'uq_printer_uuid', columnNames: ['uuid'] }],
        indices: [
          { name: 'ix_printer_channel_version', columnNames: ['update_channel', 'version_key'] },
          { name: 'ix_printer_version', columnNames: ['version_key'] },
          { name: 'ix_printer_user', columnNames: ['user_id'] },
          { name: 'ix_printer_channel', columnNames: ['update_channel'] },
        ],
      }),
    );
    await runner.createTable(
      new Table({
        name: 'printer_tally',
        columns: [
          ...['update_channel', 'version_key', 'platform'].map((name) => ({
            ...column(name, 'varchar'),
            isPrimary: true,
            primaryKeyConstraintName: 'pk_printer_tally',
          })),
          {
            ...column('version_rollout_id', 'integer'),
            isPrimary: true,
            primaryKeyConstraintName: 'pk_printer_tally',
          },
          column('printers', 'integer'),
        ],
      }),
    );
    await runner.createTable(
      new Table({
        name: 'rollout',
        columns: [
          id('rollout'),
          column('firmware_version', 'varchar'),
          column('version_key', 'varchar'),
          nullable('firmware_version_id', 'integer'),
          column('target_all', 'boolean'),
          nullable('target_user_ids', 'text'),
          nullable('target_printer_ids', 'text'),
          nullable('target_channels', 'text'),
          nullable('min_version', 'varchar'),
          nullable('max_version', 'varchar'),
          column('allow_downgrade', 'boolean'),
          column('rollout_type', 'varchar'),
          column('rollout_percentage', 'integer'),
          nullable('scheduled_for', instant),
          column('status', 'varchar'),
          column('created_at', instant),
          column('pending_count', 'integer'),
          column('in_progress_count', 'integer'),
          column('completed_count', 'integer'),
          column('failed_count', 'integer'),
          column('declined_count', 'integer'),
        ],
        foreignKeys: [
          {
            name: 'fk_rollout_firmware',
            columnNames: ['firmware_version_id'],
            referencedTableName: 'firmware',
            referencedColumnNames: ['id'],
            onDelete: 'SET NULL',
          },
        ],
        indices: [
          { name: 'ix_rollout_status', columnNames: ['status'] },
          { name: 'ix_rollout_version', columnNames: ['firmware_version'] },
          { name: 'ix_rollout_firmware', columnNames: ['firmware_version_id'] },
        ],
      }),
    );
    await runner.createTable(
      new Table({
        name: 'printer_update',
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
          column('last_sign_of_life', instant),
          column('last_percent', 'integer'),
          nullable('last_status_message', 'text'),
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
        indices: [
          {
            name: 'uq_update_one_under_way',
            columnNames: ['printer_id'],
            isUnique: true,
            where: `"status" = 'in_progress'`,
          },
          {
            name: 'uq_update_rollout_printer',
            columnNames: ['rollout_id', 'printer_id'],
            isUnique: true,
            where: '"superseded" = false',
          },
          { name: 'ix_update_printer', columnNames: ['printer_id', 'started_at'] },
          { name: 'ix_update_failed', columnNames: ['rollout_id'], where: `"status" = 'failed'` },
          {
            name: 'ix_update_last_sign',
            columnNames: ['last_sign_of_life'],
            where: `"status" = 'in_progress'`,
          },
        ],
      }),
    );
    await runner.createTable(
      new Table({
        name: 'withdrawal',
        columns: [
          {
            name: 'rollout_id',
            type: 'integer',
            isPrimary: true,
            primaryKeyConstraintName: 'pk_withdrawal',
          },
          column('newest_rollout_id', 'integer'),
        ],
      }),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['withdrawal', 'printer_update', 'rollout', 'printer_tally', 'printer', 'firmware'])
      await runner.dropTable(table);
  }
}
