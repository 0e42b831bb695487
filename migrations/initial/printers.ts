import { Table } from 'typeorm';
import type { QueryRunner } from 'typeorm';
import { column, id, isPostgres, nullable, primary } from '../columns.js';

/** Printers, their counts, and printers that wait for approval. */
export function printerTables(): Table[] {
  return [
    new Table({
      name: 'printer',
      columns: [
        id('printer'),
        column('uuid', 'varchar'),
        column('name', 'varchar'),
        column('user_id', 'varchar'),
        nullable('platform', 'varchar'),
        nullable('firmware_version', 'varchar'),
        nullable('reported_version', 'varchar'),
        column('version_key', 'varchar'),
        nullable('version_rollout_id', 'integer'),
        nullable('previous_version', 'varchar'),
        nullable('moved_back', 'varchar'),
        column('bucket', 'integer'),
        column('auto_update', 'boolean'),
        column('update_channel', 'varchar'),
        nullable('key_hash', 'varchar'),
        column('blocked', 'boolean'),
        nullable('problems', 'text'),
        column('has_problems', 'boolean'),
        column('last_connected', 'datetime'),
        nullable('last_ip', 'varchar'),
        column('created_at', 'datetime'),
      ],
      uniques: [{ name: 'uq_printer_uuid', columnNames: ['uuid'] }],
      indices: [
        { name: 'ix_printer_channel_version', columnNames: ['update_channel', 'version_key'] },
        { name: 'ix_printer_version', columnNames: ['version_key'] },
        { name: 'ix_printer_user', columnNames: ['user_id'] },
        { name: 'ix_printer_channel', columnNames: ['update_channel'] },
        // These contain few printers, and only a change of their column touches them.
        { name: 'ix_printer_blocked_true', columnNames: ['blocked'], where: '"blocked" = true' },
        {
          name: 'ix_printer_auto_update_false',
          columnNames: ['auto_update'],
          where: '"auto_update" = false',
        },
        {
          name: 'ix_printer_has_problems_true',
          columnNames: ['has_problems'],
          where: '"has_problems" = true',
        },
      ],
    }),
    new Table({
      name: 'printer_count',
      columns: [
        primary('printer_count', 'update_channel', 'varchar'),
        primary('printer_count', 'version_key', 'varchar'),
        primary('printer_count', 'platform', 'varchar'),
        primary('printer_count', 'version_rollout_id', 'integer'),
        primary('printer_count', 'previous_version', 'varchar'),
        primary('printer_count', 'moved_back', 'varchar'),
        primary('printer_count', 'bucket', 'integer'),
        primary('printer_count', 'blocked', 'boolean'),
        column('printers', 'integer'),
      ],
    }),
    new Table({
      name: 'problem_count',
      columns: [primary('problem_count', 'field', 'varchar'), column('printers', 'integer')],
    }),
    new Table({
      name: 'registration',
      columns: [
        id('registration'),
        column('uuid', 'varchar'),
        column('status', 'varchar'),
        column('name', 'varchar'),
        column('user_id', 'varchar'),
        nullable('platform', 'varchar'),
        nullable('key_hash', 'varchar'),
        column('address', 'varchar'),
        column('address_group', 'varchar'),
        column('requested_at', 'datetime'),
      ],
      uniques: [{ name: 'uq_registration_uuid', columnNames: ['uuid'] }],
      indices: [{ name: 'ix_registration_status_address', columnNames: ['status', 'address_group'] }],
    }),
  ];
}

/** Creates the index by name, without regard to the case of A to Z. TypeORM cannot express it. */
export async function createNameIndex(runner: QueryRunner): Promise<void> {
  // On SQLite, every index ends in the number.
  const columns = isPostgres(runner) ? 'lower("name"), "id"' : '"name" COLLATE NOCASE';
  await runner.query(`CREATE INDEX "ix_printer_name" ON "printer" (${columns})`);
}

/** Creates the search that SQLite's connections have as a function of JavaScript (text-contains.js). */
export async function createTextSearch(runner: QueryRunner): Promise<void> {
  if (!isPostgres(runner)) return;
  await runner.query(`CREATE FUNCTION text_contains(whole text, part text) RETURNS boolean
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN position(part IN replace(lower(whole COLLATE "und-x-icu"), 'ς', 'σ')) > 0`);
}
