// @ts-check
// The thread behind WorkerConnection (worker-connection.ts). Plain JavaScript: Node.js 20 cannot load TypeScript in a worker, and the
// tests run the server from its sources.
import { parentPort } from 'node:worker_threads';
import SqliteDatabase from 'better-sqlite3';
import { addTextContains } from './text-contains.js';

/**
 * @typedef {string | number | bigint | null} SqlValue
 * @typedef {import('better-sqlite3').Statement<SqlValue[], any>} Statement
 *
 * @typedef {object} ConnectionOptions
 * @property {string} path of the database file, which must exist
 * @property {boolean} [readonly] true: every write is refused
 * @property {Readonly<Record<string, string | number>>} [pragmas] set when the connection opens, such as `{ busy_timeout: 500 }`
 *
 * @typedef {{ do: 'open', options: ConnectionOptions }
 *   | { do: 'run' | 'rows' | 'values' | 'first', text: string, values: readonly SqlValue[] }
 *   | { do: 'insert', text: string, rows: ReadonlyArray<readonly SqlValue[]>, returns: boolean }
 *   | { do: 'close' }} Task
 *
 * @typedef {{ name: string, message: string, code: string | null }} TaskError `code` is SQLite's, if it is an error of SQLite
 * @typedef {number | string[] | TaskError} Result changes; or rows, as JSON lists of at most `ROWS_PER_SLICE` rows; or an error
 */

// Rows in one JSON text. The main thread parses one text at a time, which takes about half a millisecond for rows
// of 21 columns.
const ROWS_PER_SLICE = 250;

/** @type {SqliteDatabase.Database | undefined} */
let connection;
/** @type {Map<string, Statement>} */
const prepared = new Map();
/** @type {Map<string, Statement>} */
const preparedRaw = new Map();

/**
 * Why there is no connection.
 *
 * @type {unknown}
 */
let reason = new Error('The database is not open');

/** @param {ConnectionOptions} options */
function open({ path, readonly = false, pragmas = {} }) {
  const opened = new SqliteDatabase(path, { readonly, fileMustExist: true });
  try {
    for (const [name, value] of Object.entries(pragmas)) opened.pragma(`${name} = ${value}`);
    addTextContains(opened);
  } catch (error) {
    opened.close();
    throw error;
  }
  connection = opened;
}

/** @param {string} text */
function prepare(text) {
  let statement = prepared.get(text);
  if (statement === undefined) prepared.set(text, (statement = opened().prepare(text)));
  return statement;
}

/** @param {string} text */
function prepareRaw(text) {
  let statement = preparedRaw.get(text);
  if (statement === undefined) preparedRaw.set(text, (statement = opened().prepare(text).raw()));
  return statement;
}

function opened() {
  if (connection === undefined) throw reason;
  return connection;
}

/**
 * @param {Task} task
 * @returns {number | string[]}
 */
function carryOut(task) {
  switch (task.do) {
    case 'open':
      try {
        open(task.options);
      } catch (error) {
        reason = error;
        throw error;
      }
      return 0;
    case 'run':
      return prepare(task.text).run(...task.values).changes;
    case 'rows':
      return toSlices(prepare(task.text).all(...task.values));
    case 'values':
      return toSlices(prepareRaw(task.text).all(...task.values));
    case 'first': {
      const row = prepare(task.text).get(...task.values);
      return row === undefined ? [] : toSlices([row]);
    }
    case 'insert':
      return insert(task);
    case 'close':
      connection?.close();
      connection = undefined;
      return 0;
  }
}

/** @param {Extract<Task, { do: 'insert' }>} task */
function insert({ text, rows, returns }) {
  if (returns) return toSlices(rows.flatMap((row) => prepareRaw(text).all(...row)));
  const insertion = prepare(text);
  for (const row of rows) insertion.run(...row);
  return rows.length;
}

/** @param {readonly unknown[]} rows */
function toSlices(rows) {
  const slices = [];
  for (let start = 0; start < rows.length; start += ROWS_PER_SLICE)
    slices.push(JSON.stringify(rows.slice(start, start + ROWS_PER_SLICE)));
  return slices;
}

/**
 * @param {unknown} error
 * @returns {TaskError}
 */
function describe(error) {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error), code: null };
  const code = error instanceof SqliteDatabase.SqliteError ? error.code : null;
  return { name: error.name, message: error.message, code };
}

parentPort?.on('message', (/** @type {Task} */ task) => {
  /** @type {Result} */
  let result;
  try {
    result = carryOut(task);
  } catch (error) {
    result = describe(error);
  }
  parentPort?.postMessage(result);
  // The thread ends when nothing more can arrive.
  if (task.do === 'close') parentPort?.close();
});
