import SqliteDatabase from 'better-sqlite3';
import pg from 'pg';
import { UnavailableError } from '../common/errors.js';

/** True for errors that no statement is to blame for: the database is locked, full, read-only or gone. */
export function isDatabaseDown(error: unknown): boolean {
  if (error instanceof SqliteDatabase.SqliteError)
    return !/^SQLITE_(?:CONSTRAINT|MISMATCH|RANGE|ERROR)/.test(error.code);
  // Classes of PostgreSQL's errors (appendix A): data exception, constraint violation, syntax error.
  if (error instanceof pg.DatabaseError) return !/^(?:22|23|42)/.test(error.code ?? '');
  return error instanceof UnavailableError;
}
