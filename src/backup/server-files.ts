import { StartupError } from '../common/startup-error.js';
import type { AppConfig } from '../config/config.js';
import { dataFiles } from '../config/data-files.js';
import type { DataFiles } from '../config/data-files.js';

/** Paths of everything that a backup contains. */
export interface ServerFiles extends DataFiles {
  /** The SQLite database. */
  readonly database: string;
}

/**
 * The files of a server with these settings.
 *
 * @throws StartupError if its database is PostgreSQL
 */
export function serverFiles(config: AppConfig): ServerFiles {
  const { databasePath } = config;
  if (databasePath === null)
    throw new StartupError(
      'The database is PostgreSQL (DATABASE_URL): back it up with pg_dump, and restore it with pg_restore',
    );
  return { ...dataFiles(config), database: databasePath };
}
