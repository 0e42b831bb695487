// @ts-check
// Plain JavaScript, because connection-worker.js imports it.
import SqliteDatabase from 'better-sqlite3';
import { addTextContains } from './text-contains.js';

/**
 * @typedef {object} ConnectionOptions
 * @property {string} path of the database file, which must exist
 * @property {boolean} [readonly] true: every write is refused
 * @property {Readonly<Record<string, string | number>>} [pragmas] set when the connection opens, such as `{ busy_timeout: 500 }`
 */

/**
 * Opens a connection that knows `text_contains`.
 *
 * @param {ConnectionOptions} options
 * @returns {SqliteDatabase.Database}
 */
export function connect({ path, readonly = false, pragmas = {} }) {
  const connection = new SqliteDatabase(path, { readonly, fileMustExist: true });
  try {
    for (const [name, value] of Object.entries(pragmas)) connection.pragma(`${name} = ${value}`);
    addTextContains(connection);
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}
