import { Table } from 'typeorm';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { column, id, nullable, typesOf } from './columns.js';

/** The keys of the management. */
export class Access1764000000000 implements MigrationInterface {
  readonly name = 'Access1764000000000';

  async up(runner: QueryRunner): Promise<void> {
    const { instant } = typesOf(runner);
    await runner.createTable(
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
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable('api_key');
  }
}
