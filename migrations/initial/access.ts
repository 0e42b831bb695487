import { Table } from 'typeorm';
import type { QueryRunner } from 'typeorm';
import { column, id, isPostgres, nullable } from '../columns.js';

/** API keys and the audit log. */
export function accessTables(): Table[] {
  return [
    new Table({
      name: 'api_key',
      columns: [
        id('api_key'),
        column('name', 'varchar'),
        column('prefix', 'varchar'),
        column('hash', 'varchar'),
        column('scopes', 'varchar'),
        column('created_at', 'datetime'),
        nullable('expires_at', 'datetime'),
        nullable('last_used_at', 'datetime'),
        nullable('revoked_at', 'datetime'),
      ],
      uniques: [{ name: 'uq_api_key_hash', columnNames: ['hash'] }],
    }),
    new Table({
      name: 'audit_entry',
      columns: [
        id('audit_entry'),
        column('at', 'datetime'),
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
  if (isPostgres(runner)) {
    await runner.query(`CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql
      AS $$ BEGIN RAISE EXCEPTION 'the audit log is only ever added to'; END $$`);
    await runner.query(`CREATE TRIGGER audit_entry_only_added BEFORE UPDATE OR DELETE ON audit_entry
      FOR EACH ROW EXECUTE FUNCTION refuse_audit_change()`);
    return;
  }
  for (const change of ['UPDATE', 'DELETE'])
    await runner.query(
      `CREATE TRIGGER audit_entry_no_${change.toLowerCase()} BEFORE ${change} ON audit_entry
        BEGIN SELECT RAISE(ABORT, 'the audit log is only ever added to'); END`,
    );
}
