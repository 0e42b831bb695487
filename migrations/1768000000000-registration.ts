import { Table } from 'typeorm';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { column, id, nullable, typesOf } from './columns.js';

/** Printers that ask to be registered. */
export class Registration1768000000000 implements MigrationInterface {
  readonly name = 'Registration1768000000000';

  async up(runner: QueryRunner): Promise<void> {
    const { instant } = typesOf(runner);
    await runner.createTable(
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
          column('requested_at', instant),
        ],
        uniques: [{ name: 'uq_registration_uuid', columnNames: ['uuid'] }],
      }),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable('registration');
  }
}
