import { StartupError } from '../common/startup-error.js';
import { MIGRATION_NAMES } from './migration-names.js';

/**
 * Compares the migrations of a database with those of this program.
 *
 * @param applied the database's, in the order of their numbers
 * @returns `newer`: applied, but unknown to this program; `missing`: known to this program, but not applied
 */
export function schemaDifference(applied: readonly string[]): { newer: string[]; missing: string[] } {
  const known: readonly string[] = MIGRATION_NAMES;
  return {
    newer: applied.filter((name) => !known.includes(name)),
    missing: known.filter((name) => !applied.includes(name)),
  };
}

/**
 * @param database what to call it in the message
 * @param applied its migrations, in the order of their numbers
 * @throws StartupError naming the version if the database is newer than this program
 */
export function requireKnownSchema(database: string, applied: readonly string[]): void {
  const newest = schemaDifference(applied).newer.at(-1);
  if (newest === undefined) return;
  throw new StartupError(
    `The database ${database} was written by a newer version of the server: it has migration ${newest}, ` +
      `and this version knows none after ${MIGRATION_NAMES.at(-1)}. Install the newer version again`,
  );
}
