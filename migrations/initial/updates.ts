import { Table } from 'typeorm';
import { column, id, nullable, primary, references } from '../columns.js';

const IN_PROGRESS = `"status" = 'in_progress'`;

/** The updates of printers, and the running time that their limits are counted by. */
export function updateTables(): Table[] {
  return [
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
        column('started_at', 'datetime'),
        nullable('completed_at', 'datetime'),
        column('last_percent', 'integer'),
        nullable('last_status_message', 'text'),
        column('last_heard', 'integer'),
        column('last_sent', 'integer'),
        column('sequence', 'integer'),
      ],
      foreignKeys: [references('fk_update_printer', 'printer_id', 'printer', 'CASCADE')],
      indices: [
        { name: 'uq_update_one_under_way', columnNames: ['printer_id'], isUnique: true, where: IN_PROGRESS },
        {
          name: 'uq_update_rollout_printer',
          columnNames: ['rollout_id', 'printer_id'],
          isUnique: true,
          where: '"superseded" = false',
        },
        { name: 'uq_update_printer_sequence', columnNames: ['printer_id', 'sequence'], isUnique: true },
        {
          name: 'ix_update_failed',
          columnNames: ['rollout_id', 'printer_id'],
          where: `"status" = 'failed'`,
        },
        {
          name: 'ix_update_declined',
          columnNames: ['rollout_id', 'printer_id'],
          where: `"status" = 'declined'`,
        },
        { name: 'ix_update_last_heard', columnNames: ['last_heard'], where: IN_PROGRESS },
        { name: 'ix_update_last_sent', columnNames: ['last_sent'], where: IN_PROGRESS },
        {
          name: 'ix_update_about_to_run',
          columnNames: ['firmware_version', 'printer_id'],
          where: `"status" IN ('in_progress', 'completed') AND "confirmed" = false`,
        },
      ],
    }),
    new Table({
      name: 'service_time',
      columns: [primary('service_time', 'id', 'integer'), column('seconds', 'integer')],
    }),
  ];
}
