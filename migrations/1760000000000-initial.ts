import type { MigrationInterface, QueryRunner, Table } from 'typeorm';
import { asOnPostgres, isPostgres } from './columns.js';
import { accessTables, protectAuditLog } from './initial/access.js';
import { firmwareTables } from './initial/firmware.js';
import { createNameIndex, createTextSearch, printerTables } from './initial/printers.js';
import { rolloutTables } from './initial/rollouts.js';
import { statisticsTables } from './initial/statistics.js';
import { updateTables } from './initial/updates.js';

/** The whole schema of version 0.1.0. */
export class Initial1760000000000 implements MigrationInterface {
  readonly name = 'Initial1760000000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const table of tablesOf(runner)) await runner.createTable(table);
    await createNameIndex(runner);
    await createTextSearch(runner);
    await protectAuditLog(runner);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of tablesOf(runner).reverse()) await runner.dropTable(table);
    if (!isPostgres(runner)) return;
    await runner.query('DROP FUNCTION text_contains, refuse_audit_change');
  }
}

/** All tables; each comes after those that it references. */
function tablesOf(runner: QueryRunner): Table[] {
  const tables = [
    ...firmwareTables(),
    ...printerTables(),
    ...rolloutTables(),
    ...updateTables(),
    ...statisticsTables(),
    ...accessTables(),
  ];
  return isPostgres(runner) ? tables.map(asOnPostgres) : tables;
}
