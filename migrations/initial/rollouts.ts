import { Table } from 'typeorm';
import { column, id, nullable, primary, references } from '../columns.js';

const COUNTERS = ['pending_count', 'in_progress_count', 'completed_count', 'failed_count', 'declined_count'];

/** Rollouts with what belongs to each, cancellations and rollbacks. */
export function rolloutTables(): Table[] {
  return [
    new Table({
      name: 'rollout',
      columns: [
        id('rollout'),
        column('firmware_version', 'varchar'),
        column('version_key', 'varchar'),
        nullable('firmware_version_id', 'integer'),
        column('target_all', 'boolean'),
        nullable('target_ids_count', 'integer'),
        nullable('target_channels', 'text'),
        nullable('min_version', 'varchar'),
        nullable('max_version', 'varchar'),
        column('allow_downgrade', 'boolean'),
        column('rollout_type', 'varchar'),
        column('rollout_percentage', 'integer'),
        nullable('scheduled_for', 'datetime'),
        column('status', 'varchar'),
        column('created_at', 'datetime'),
        nullable('name', 'varchar'),
        nullable('note', 'text'),
        column('created_by', 'varchar'),
        nullable('rollback_id', 'integer'),
        nullable('came_from', 'text'),
        nullable('taken_back_by', 'integer'),
        ...COUNTERS.map((name) => column(name, 'integer')),
      ],
      foreignKeys: [references('fk_rollout_firmware', 'firmware_version_id', 'firmware', 'SET NULL')],
      indices: [
        { name: 'ix_rollout_status', columnNames: ['status'] },
        { name: 'ix_rollout_version', columnNames: ['firmware_version'] },
        { name: 'ix_rollout_firmware', columnNames: ['firmware_version_id'] },
        { name: 'ix_rollout_rollback', columnNames: ['rollback_id'] },
        { name: 'ix_rollout_taken_back_by', columnNames: ['taken_back_by'] },
      ],
    }),
    new Table({
      name: 'rollout_target',
      columns: [
        primary('rollout_target', 'rollout_id', 'integer'),
        nullable('user_ids', 'text'),
        nullable('printer_ids', 'text'),
      ],
      foreignKeys: [belongsToRollout('fk_rollout_target_rollout')],
    }),
    new Table({
      name: 'rollout_build',
      columns: [
        primary('rollout_build', 'rollout_id', 'integer'),
        primary('rollout_build', 'platform', 'varchar'),
        column('sha256', 'varchar'),
      ],
      foreignKeys: [belongsToRollout('fk_rollout_build_rollout')],
    }),
    new Table({
      name: 'rollout_pending',
      columns: [
        primary('rollout_pending', 'rollout_id', 'integer'),
        primary('rollout_pending', 'bucket', 'integer'),
        column('pending', 'integer'),
      ],
      foreignKeys: [belongsToRollout('fk_rollout_pending_rollout')],
    }),
    new Table({
      name: 'rollout_sample',
      columns: [
        id('rollout_sample'),
        column('rollout_id', 'integer'),
        column('at', 'datetime'),
        column('status', 'varchar'),
        ...COUNTERS.map((name) => column(name, 'integer')),
      ],
      foreignKeys: [belongsToRollout('fk_sample_rollout')],
      indices: [{ name: 'ix_sample_rollout', columnNames: ['rollout_id'] }],
    }),
    new Table({
      name: 'cancelled_pending',
      columns: [
        primary('cancelled_pending', 'rollout_id', 'integer'),
        primary('cancelled_pending', 'first_printer_id', 'integer'),
        column('printer_ids', 'text'),
      ],
      foreignKeys: [belongsToRollout('fk_cancelled_pending_rollout')],
    }),
    new Table({
      name: 'rollout_cancellation',
      columns: [
        primary('rollout_cancellation', 'rollout_id', 'integer'),
        column('newest_rollout_id', 'integer'),
      ],
    }),
    new Table({
      name: 'rollback',
      columns: [
        id('rollback'),
        column('firmware_version', 'varchar'),
        column('to_version', 'varchar'),
        column('rollouts', 'integer'),
        column('created_by', 'varchar'),
        column('created_at', 'datetime'),
      ],
      indices: [{ name: 'ix_rollback_version', columnNames: ['firmware_version'] }],
    }),
  ];
}

/** The foreign key of a table whose rows are deleted with their rollout. */
const belongsToRollout = (name: string): ReturnType<typeof references> =>
  references(name, 'rollout_id', 'rollout', 'CASCADE');
