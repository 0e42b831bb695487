import { setImmediate as nextTurn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import SqliteDatabase from 'better-sqlite3';
import { UnavailableError } from '../../common/errors.js';
import { insertionOf } from '../sql.js';
import type { Sql, SqlRow, SqlValue } from '../sql.js';
import type { ConnectionOptions } from './connect.js';
import type { Result, Task, TaskError } from './connection-worker.js';

interface Pending {
  resolve: (result: number | string[]) => void;
  reject: (error: Error) => void;
}

/**
 * A connection of its own to a database file, in a thread of its own: however long a statement takes, the event loop goes on. Statements
 * run one at a time, in the order of the calls. A process that waits for none of them may end.
 *
 * Rows travel as JSON text, which costs the main thread half as much as a structured clone of the same lists; integers must be exact as
 * JavaScript numbers. Large results are parsed in several turns of the event loop. Read at most about 10,000 rows at a time, though:
 * collecting the garbage of more rows blocks the event loop for longer than any of this.
 */
export class WorkerConnection implements Sql {
  private readonly worker: Worker;
  // Calls that are not answered yet. The thread answers in the order of the calls.
  private readonly pending: Pending[] = [];
  private readonly opening: Promise<unknown>;
  private readonly ended: Promise<void>;
  private end: Error | undefined;
  private isClosed = false;

  /** Starts the thread, which opens the connection; all calls wait for that. */
  constructor(options: ConnectionOptions) {
    // No arguments of this process: what `--import` loads is meant for its main thread.
    this.worker = new Worker(new URL('connection-worker.js', import.meta.url), { execArgv: [] });
    this.worker.unref();
    this.worker.on('message', (result: Result) => this.settle(result));
    this.worker.on('error', (error) => this.fail(`The thread of a database connection failed: ${error}`));
    this.ended = new Promise((resolve) => {
      this.worker.once('exit', () => {
        this.fail('The thread of a database connection has ended');
        resolve();
      });
    });
    this.opening = this.send({ do: 'open', options });
    // `ready` and every call report the error.
    this.opening.catch((error: unknown) => {
      this.end ??= error as Error;
      void this.worker.terminate();
    });
  }

  /** Why it can no longer be used although it was not closed; null while it can. The transaction that was open is rolled back. */
  get failure(): Error | null {
    return this.isClosed ? null : (this.end ?? null);
  }

  /**
   * Resolves when the connection is open.
   *
   * @throws SqliteError if the file cannot be opened
   */
  async ready(): Promise<void> {
    await this.opening;
  }

  async run(text: string, ...values: SqlValue[]): Promise<number> {
    return (await this.send({ do: 'run', text, values })) as number;
  }

  async rows(text: string, ...values: SqlValue[]): Promise<SqlRow[]> {
    return parse(await this.send({ do: 'rows', text, values }));
  }

  async values(text: string, ...values: SqlValue[]): Promise<SqlValue[][]> {
    return parse(await this.send({ do: 'values', text, values }));
  }

  async first(text: string, ...values: SqlValue[]): Promise<SqlRow | undefined> {
    return (await parse<SqlRow>(await this.send({ do: 'first', text, values })))[0];
  }

  async count(text: string, ...values: SqlValue[]): Promise<number> {
    const [row] = await this.values(text, ...values);
    return Number(row?.[0] ?? 0);
  }

  async insertRows(
    table: string,
    columns: readonly string[],
    rows: ReadonlyArray<readonly SqlValue[]>,
    returning: readonly string[] = [],
  ): Promise<SqlValue[][]> {
    const text = insertionOf(table, columns, returning);
    return parse(await this.send({ do: 'insert', text, rows, returns: returning.length > 0 }));
  }

  /** Waits for all earlier calls, closes the connection and ends the thread. Later calls reject. */
  async close(): Promise<void> {
    this.isClosed = true;
    if (this.end === undefined) {
      const closed = this.send({ do: 'close' });
      this.end = new UnavailableError('The database connection is closed');
      await closed.catch(() => undefined);
    }
    // Whoever closes the last connection has something left to do, even if nothing else keeps the process alive.
    this.worker.ref();
    await this.ended;
  }

  private send(task: Task): Promise<number | string[]> {
    return new Promise((resolve, reject) => {
      if (this.end !== undefined) {
        reject(this.end);
        return;
      }
      this.worker.postMessage(task);
      if (this.pending.length === 0) this.worker.ref();
      this.pending.push({ resolve, reject });
    });
  }

  private settle(result: Result): void {
    const call = this.pending.shift();
    if (this.pending.length === 0) this.worker.unref();
    if (typeof result === 'number' || Array.isArray(result)) call?.resolve(result);
    else call?.reject(toError(result));
  }

  private fail(reason: string): void {
    this.end ??= new UnavailableError(reason);
    for (const { reject } of this.pending.splice(0)) reject(this.end);
  }
}

/** Parses rows; lets the event loop go on between two texts. */
async function parse<Row>(result: number | string[]): Promise<Row[]> {
  const [first, ...more] = result as string[];
  const rows = first === undefined ? [] : (JSON.parse(first) as Row[]);
  for (const text of more) {
    await nextTurn();
    for (const row of JSON.parse(text) as Row[]) rows.push(row);
  }
  return rows;
}

/** Makes an error of the thread one of this thread, so that `instanceof` and `code` tell what it is. */
function toError({ name, message, code }: TaskError): Error {
  if (code !== null) return new SqliteDatabase.SqliteError(message, code);
  // What better-sqlite3 throws for values that do not fit a statement.
  if (name === 'RangeError') return new RangeError(message);
  return name === 'TypeError' ? new TypeError(message) : new Error(message);
}
