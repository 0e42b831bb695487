import { Table } from 'typeorm';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { column, id, nullable, typesOf } from './columns.js';

/** The record of every change that somebody made: it can be added to, and nothing else. */
export class Audit1765000000000 implements MigrationInterface {
  readonly name = 'Audit1765000000000';

  async up(runner: QueryRunner): Promise<void> {
    const { instant } = typesOf(runner);
    await runner.createTable(
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
    );
    for (const change of ['UPDATE', 'DELETE'])
      await runner.query(
        `CREATE TRIGGER audit_entry_no_${change.toLowerCase()} BEFORE ${change} ON audit_entry
          BEGIN SELECT RAISE(ABORT, 'the audit log is only ever added to'); END`,
      );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable('audit_entry');
  }
}
