import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Finds the printers that are about to run a version: its update is under way, or they are yet to come back with it. */
export class UnconfirmedUpdates1770500000000 implements MigrationInterface {
  readonly name = 'UnconfirmedUpdates1770500000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE INDEX "ix_update_unconfirmed" ON "printer_update" ("firmware_version", "printer_id")
      WHERE "status" IN ('in_progress', 'completed') AND "confirmed" = false`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP INDEX "ix_update_unconfirmed"`);
  }
}
