// @ts-check
// The thread behind WorkerConnection (worker-connection.ts). Plain JavaScript: Node.js 20 cannot load TypeScript in a worker, and the
// tests run the server from its sources.
import { parentPort } from 'node:worker_threads';
import SqliteDatabase from 'better-sqlite3';
import { connect } from './connect.js';
import { Statements } from './statements.js';

/**
 * @typedef {import('./connect.js').ConnectionOptions} ConnectionOptions
 * @typedef {import('../sql.js').SqlValue} SqlValue
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
/** @type {Statements | undefined} */
let statements;

/**
 * Why there is no connection.
 *
 * @type {unknown}
 */
let reason = new Error('The database is not open');

/** @param {ConnectionOptions} options */
function open(options) {
  try {
    connection = connect(options);
    statements = new Statements(connection);
  } catch (error) {
    reason = error;
    throw error;
  }
}

function close() {
  connection?.close();
  connection = undefined;
  statements = undefined;
}

function opened() {
  if (statements === undefined) throw reason;
  return statements;
}

/**
 * @param {Task} task
 * @returns {number | string[]}
 */
function carryOut(task) {
  switch (task.do) {
    case 'open':
      open(task.options);
      return 0;
    case 'run':
      return opened().run(task.text, task.values);
    case 'rows':
      return toSlices(opened().rows(task.text, task.values));
    case 'values':
      return toSlices(opened().values(task.text, task.values));
    case 'first': {
      const row = opened().first(task.text, task.values);
      return row === undefined ? [] : toSlices([row]);
    }
    case 'insert':
      return toSlices(opened().insert(task.text, task.rows, task.returns));
    case 'close':
      close();
      return 0;
  }
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
