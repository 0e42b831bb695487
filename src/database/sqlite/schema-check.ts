import { existsSync } from 'node:fs';
import SqliteDatabase from 'better-sqlite3';
import { StartupError } from '../../common/startup-error.js';
import { requireKnownSchema, schemaDifference } from '../schema-difference.js';

/** @throws StartupError naming the version if the database is newer than this program; a missing database is not */
export function refuseNewerSchema(path: string): void {
  requireKnownSchema(path, appliedMigrations(path));
}

/**
 * Checks the database file for programs that work on an existing database and must not create one.
 *
 * @throws StartupError naming the path if there is no database
 */
export function requireDatabase(path: string): void {
  if (existsSync(path)) return;
  throw new StartupError(
    `There is no database at ${path} (DATABASE_URL). Run this in the folder that the server was started in, or set DATABASE_URL`,
  );
}

/** @throws StartupError if the database's schema is not exactly this program's version */
export function requireSameSchema(path: string): void {
  refuseNewerSchema(path);
  const [missing] = schemaDifference(appliedMigrations(path)).missing;
  if (missing === undefined) return;
  throw new StartupError(
    `The database ${path} was written by an older version of the server (it lacks migration ${missing}). Start this version once`,
  );
}

/**
 * The migrations that a database has, in the order of their numbers. A missing database has none.
 *
 * @throws StartupError if the file cannot be opened, or is not a database
 */
export function appliedMigrations(path: string): string[] {
  if (!existsSync(path)) return [];
  try {
    const connection = new SqliteDatabase(path, { fileMustExist: true });
    try {
      const table = connection.prepare("SELECT 1 FROM sqlite_master WHERE name = 'migrations'").get();
      if (table === undefined) return [];
      const sql = 'SELECT name FROM migrations ORDER BY timestamp';
      const rows = connection.prepare<[], { name: string }>(sql).all();
      return rows.map(({ name }) => name);
    } finally {
      connection.close();
    }
  } catch (error) {
    // SQLite's own error does not name the file.
    throw new StartupError(`The database ${path} cannot be opened: ${(error as Error).message}`);
  }
}
