import { Table } from 'typeorm';
import type { QueryRunner } from 'typeorm';
import { column, id, nullable } from '../columns.js';

/** API keys and the audit log. */
export function accessTables(instant: string): Table[] {
  return [
    new Table({
      name: 'api_key',
      columns: [
        id('api_key'),
        column('name', 'varchar'),
        column('prefix', 'varchar'),
        column('hash', 'varchar'),
        column('scopes', 'varchar'),
        column('created_at', instant),
        nullable('expires_at', instant),
        nullable('last_used_at', instant),
        nullable('revoked_at', instant),
      ],
      uniques: [{ name: 'uq_api_key_hash', columnNames: ['hash'] }],
    }),
    new Table({
      name: 'audit_entry',
      columns: [
        id('audit_entry'),
        column('at', instant),
        column('actor_kind', 'varchar'),
        nullable('key_id', 'integer'),
        nullable('key_name', 'varchar'),
        nullable('address', 'varchar'),
        column('action', 'varchar'),
        column('subject', 'varchar'),
        nullable('state_before', 'text'),
        nullable('state_after', 'text'),
      ],
      indices: [
        { name: 'ix_audit_subject', columnNames: ['subject'] },
        { name: 'ix_audit_action', columnNames: ['action'] },
        { name: 'ix_audit_key', columnNames: ['key_id'] },
      ],
    }),
  ];
}

/** Makes the database refuse to change or delete entries of the audit log. */
export async function protectAuditLog(runner: QueryRunner): Promise<void> {
  for (const change of ['UPDATE', 'DELETE'])
    await runner.query(
      `CREATE TRIGGER audit_entry_no_${change.toLowerCase()} BEFORE ${change} ON audit_entry
        BEGIN SELECT RAISE(ABORT, 'the audit log is only ever added to'); END`,
    );
}
