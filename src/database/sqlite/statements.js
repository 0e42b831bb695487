// @ts-check
// Plain JavaScript, because connection-worker.js imports it.

/**
 * @typedef {import('../sql.js').SqlValue} SqlValue
 * @typedef {import('../sql.js').SqlRow} SqlRow
 */

/** SQL on one connection, with each text prepared once. Everything here is synchronous. */
export class Statements {
  /** @type {Map<string, import('better-sqlite3').Statement<SqlValue[], SqlRow>>} */
  #prepared = new Map();
  /** @type {Map<string, import('better-sqlite3').Statement<SqlValue[], SqlValue[]>>} */
  #preparedRaw = new Map();
  #connection;

  /** @param {import('better-sqlite3').Database} connection */
  constructor(connection) {
    this.#connection = connection;
  }

  /**
   * Runs a statement, and returns the number of changed rows.
   *
   * @param {string} text
   * @param {readonly SqlValue[]} values
   */
  run(text, values) {
    return this.#prepare(text).run(...values).changes;
  }

  /**
   * The first row.
   *
   * @param {string} text
   * @param {readonly SqlValue[]} values
   */
  first(text, values) {
    return this.#prepare(text).get(...values);
  }

  /**
   * All rows.
   *
   * @param {string} text
   * @param {readonly SqlValue[]} values
   */
  rows(text, values) {
    return this.#prepare(text).all(...values);
  }

  /**
   * The values of all rows, in the order of the query: building an object per row would double the cost of reading it.
   *
   * @param {string} text
   * @param {readonly SqlValue[]} values
   */
  values(text, values) {
    return this.#prepareRaw(text).all(...values);
  }

  /**
   * Runs an insertion once for each row: that costs half as much as one statement that takes the rows out of JSON.
   *
   * @param {string} text
   * @param {ReadonlyArray<readonly SqlValue[]>} rows
   * @param {boolean} returns true if the insertion returns columns
   * @returns {SqlValue[][]} the columns of each row; empty if it returns none
   */
  insert(text, rows, returns) {
    if (returns) return rows.flatMap((row) => this.values(text, row));
    for (const row of rows) this.run(text, row);
    return [];
  }

  /** @param {string} text */
  #prepare(text) {
    let statement = this.#prepared.get(text);
    if (statement === undefined) {
      statement = /** @type {import('better-sqlite3').Statement<SqlValue[], SqlRow>} */ (
        this.#connection.prepare(text)
      );
      this.#prepared.set(text, statement);
    }
    return statement;
  }

  /** @param {string} text */
  #prepareRaw(text) {
    let statement = this.#preparedRaw.get(text);
    if (statement === undefined) {
      statement = /** @type {import('better-sqlite3').Statement<SqlValue[], SqlValue[]>} */ (
        this.#connection.prepare(text).raw()
      );
      this.#preparedRaw.set(text, statement);
    }
    return statement;
  }
}
