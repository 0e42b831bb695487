import { Table } from 'typeorm';
import { column, id, nullable, primary } from '../columns.js';

/** Builds, the bytes that printers were sent, and the keys that builds are signed with. */
export function firmwareTables(): Table[] {
  return [
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
        nullable('appended_sha256', 'varchar'),
        nullable('signature', 'varchar'),
        nullable('signing_key_fingerprint', 'varchar'),
        nullable('release_notes', 'text'),
        nullable('changelog', 'text'),
        column('mandatory', 'boolean'),
        nullable('min_upgrade_version', 'varchar'),
        column('released_at', 'datetime'),
        nullable('deprecated_at', 'datetime'),
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
    new Table({
      name: 'sent_firmware',
      columns: [
        primary('sent_firmware', 'firmware_id', 'integer'),
        column('version', 'varchar'),
        column('platform', 'varchar'),
        column('sha256', 'varchar'),
        column('printers', 'integer'),
      ],
      indices: [{ name: 'ix_sent_firmware_version', columnNames: ['version', 'platform'] }],
    }),
    new Table({
      name: 'signing_key',
      columns: [
        id('signing_key'),
        column('name', 'varchar'),
        column('public_key', 'varchar'),
        column('fingerprint', 'varchar'),
        column('created_at', 'datetime'),
        nullable('removed_at', 'datetime'),
      ],
      indices: [
        {
          name: 'uq_signing_key_registered',
          columnNames: ['fingerprint'],
          isUnique: true,
          where: '"removed_at" IS NULL',
        },
      ],
    }),
  ];
}
