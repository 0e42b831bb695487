import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import SqliteDatabase from 'better-sqlite3';
import { UnavailableError } from '../src/common/errors.js';
import { Checkpointer, PAGES_BEFORE_PAUSE, PAGES_PER_PASS } from '../src/database/sqlite/checkpointer.js';
import { WorkerConnection } from '../src/database/sqlite/worker-connection.js';

let folder: string;
let path: string;
let files = 0;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'paperminder-worker-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A new file in WAL mode, and the connection that made it. */
function createFile(): SqliteDatabase.Database {
  files += 1;
  path = join(folder, `${files}.db`);
  const connection = new SqliteDatabase(path);
  connection.pragma('journal_mode = WAL');
  connection.pragma('wal_autocheckpoint = 0');
  connection.exec('CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT UNIQUE, size REAL)');
  return connection;
}

describe('A database connection in a worker thread', () => {
  let other: SqliteDatabase.Database;
  let connection: WorkerConnection;

  beforeEach(() => {
    other = createFile();
    connection = new WorkerConnection({ path, pragmas: { busy_timeout: 0 } });
  });
  afterEach(async () => {
    await connection.close();
    other.close();
  });

  it('runs statements in the order of the calls, and returns what they return', async () => {
    const results = await Promise.all([
      connection.run('INSERT INTO note VALUES (1, ?, 1.5), (2, ?, NULL)', 'ä"\\\n', '漢字'),
      connection.rows('SELECT text, size FROM note ORDER BY id'),
      connection.values('SELECT id, text FROM note ORDER BY id'),
      connection.first('SELECT id FROM note WHERE id = ?', 2),
      connection.first('SELECT id FROM note WHERE id = ?', 3),
      connection.count('SELECT count(*) FROM note'),
      connection.count('SELECT max(id) FROM note WHERE id > 5'),
      connection.run('DELETE FROM note'),
      connection.rows('SELECT * FROM note'),
    ]);
    expect(results[1]).toEqual([
      { text: 'ä"\\\n', size: 1.5 },
      { text: '漢字', size: null },
    ]);
    expect((results[2] as unknown[][])[1]).toEqual([2, '漢字']);
    expect([results[0], ...results.slice(3)]).toEqual([2, { id: 2 }, undefined, 2, 0, 2, []]);
  });

  it('inserts many rows with one call, and returns columns of them', async () => {
    const rows = [1, 2, 3].map((index) => [`text ${index}`, index / 2] as const);
    expect(await connection.insertRows('note', ['text', 'size'], rows)).toEqual([]);
    const more = await connection.insertRows('note', ['text'], [['x'], ['y']], ['text', 'id']);
    expect(more).toEqual([
      ['x', 4],
      ['y', 5],
    ]);
    expect(await connection.insertRows('note', ['text'], [], ['id'])).toEqual([]);
    expect(await connection.count('SELECT count(*) FROM note')).toBe(5);
  });

  it('returns large results whole, and lets the event loop go on meanwhile', async () => {
    let turns = 0;
    const done = new AbortController();
    const counting = (async () => {
      for (; !done.signal.aborted; turns += 1) await nextTurn();
    })();
    const sql = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
      SELECT i, 'text ' || i FROM n`;
    const rows = await connection.values(sql);
    done.abort();
    await counting;
    expect(rows).toHaveLength(20_000);
    expect(rows.every(([id, text], index) => id === index + 1 && text === `text ${index + 1}`)).toBe(true);
    expect(turns).toBeGreaterThan(20);
  });

  it('reads one state from the beginning of a snapshot to its end', async () => {
    other.exec(`INSERT INTO note VALUES (1, 'before', 0)`);
    await connection.beginSnapshot();
    other.exec(`INSERT INTO note VALUES (2, 'meanwhile', 0)`);
    expect(await connection.count('SELECT count(*) FROM note')).toBe(1);
    await connection.commit();
    expect(await connection.count('SELECT count(*) FROM note')).toBe(2);
  });

  it('commits and rolls back', async () => {
    await connection.begin();
    await connection.run(`INSERT INTO note VALUES (1, 'kept', 0)`);
    await connection.commit();
    await connection.begin();
    await connection.run(`INSERT INTO note VALUES (2, 'gone', 0)`);
    await connection.rollback();
    expect(other.prepare('SELECT text FROM note').pluck().all()).toEqual(['kept']);
  });

  it('knows text_contains', async () => {
    expect(await connection.count(`SELECT text_contains('ÄRGER', 'ärg')`)).toBe(1);
  });

  it('reports errors of SQLite as such, and carries out the calls behind them', async () => {
    const [syntax, unique, places, next] = await Promise.allSettled([
      connection.run('SELEC 1'),
      connection.insertRows('note', ['text'], [['a'], ['a']]),
      connection.run('DELETE FROM note WHERE id = ?'),
      connection.count('SELECT 7'),
    ]);
    other.exec('BEGIN IMMEDIATE');
    const [busy] = await Promise.allSettled([connection.begin()]);
    other.exec('ROLLBACK');
    const reasons = [syntax, unique, busy, places].map((one) =>
      one.status === 'rejected' ? (one.reason as unknown) : undefined,
    );
    for (const reason of reasons.slice(0, 3)) expect(reason).toBeInstanceOf(SqliteDatabase.SqliteError);
    expect(reasons.slice(0, 3)).toMatchObject([
      { code: 'SQLITE_ERROR', message: 'near "SELEC": syntax error' },
      { code: 'SQLITE_CONSTRAINT_UNIQUE' },
      { code: 'SQLITE_BUSY' },
    ]);
    expect(reasons[3]).toBeInstanceOf(RangeError);
    expect(next).toEqual({ status: 'fulfilled', value: 7 });
  });

  it('refuses writes if it only reads', async () => {
    const reader = new WorkerConnection({ path, readonly: true });
    await expect(reader.run('DELETE FROM note')).rejects.toMatchObject({ code: 'SQLITE_READONLY' });
    await reader.close();
  });

  it('reports a file that cannot be opened, with every call', async () => {
    const missing = new WorkerConnection({ path: join(folder, 'missing.db') });
    const earlier = missing.count('SELECT 1');
    earlier.catch(() => undefined);
    await expect(missing.ready()).rejects.toMatchObject({ code: 'SQLITE_CANTOPEN' });
    await expect(earlier).rejects.toMatchObject({ code: 'SQLITE_CANTOPEN' });
    await expect(missing.count('SELECT 1')).rejects.toMatchObject({ code: 'SQLITE_CANTOPEN' });
    expect(missing.isOpen).toBe(false);
    await missing.close();
  });

  it('finishes earlier calls when it is closed, and refuses later ones', async () => {
    const earlier = connection.run(`INSERT INTO note VALUES (1, 'last', 0)`);
    const closed = connection.close();
    await expect(connection.count('SELECT 1')).rejects.toBeInstanceOf(UnavailableError);
    await closed;
    expect(await earlier).toBe(1);
    expect(connection.isOpen).toBe(false);
    await connection.close();
  });

  it('lets a process end that has no call under way, but not before it is closed', () => {
    const url = (file: string): string => JSON.stringify(pathToFileURL(resolve(file)).href);
    const program = (end: string): string => `
      import { register } from 'node:module';
      register(${url('test/support/jest/typescript-hooks.js')});
      const { WorkerConnection } = await import(${url('src/database/sqlite/worker-connection.ts')});
      const connection = new WorkerConnection({ path: ${JSON.stringify(path)} });
      console.log(await connection.count('SELECT 7'));
      ${end}`;
    const output = (end: string): [number | null, string] => {
      const { status, stdout } = spawnSync(
        process.execPath,
        ['--input-type=module', '--eval', program(end)],
        { encoding: 'utf8', timeout: 20_000 },
      );
      return [status, stdout];
    };
    expect(output('')).toEqual([0, '7\n']);
    expect(output(`await connection.close(); console.log('closed');`)).toEqual([0, '7\nclosed\n']);
  });

  it('rejects all calls if its thread dies', async () => {
    await connection.ready();
    const endless = connection.count(
      'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3000000) SELECT count(*) FROM n',
    );
    const behind = connection.count('SELECT 1');
    const calls = Promise.allSettled([endless, behind]);
    await (connection as unknown as { worker: { terminate(): Promise<number> } }).worker.terminate();
    for (const call of await calls)
      expect(call.status === 'rejected' && call.reason).toBeInstanceOf(UnavailableError);
    expect(connection.isOpen).toBe(false);
    await expect(connection.count('SELECT 1')).rejects.toBeInstanceOf(UnavailableError);
  });
});

describe('The checkpointer', () => {
  let writer: SqliteDatabase.Database;
  let checkpointer: Checkpointer;

  beforeEach(() => {
    writer = createFile();
    writer.exec('CREATE TABLE page (id INTEGER PRIMARY KEY, content BLOB)');
    checkpointer = new Checkpointer(path, writer);
  });
  afterEach(async () => {
    await checkpointer.close();
    writer.close();
  });

  /** Commits about as many pages, as the write queue does; resolves with the highest number of pages in the log. */
  async function write(pages: number): Promise<number> {
    let highest = 0;
    const insertion = writer.prepare('INSERT INTO page (content) VALUES (randomblob(40000))');
    for (let written = 0; written < pages; written += 100) {
      while (checkpointer.needsPause) await checkpointer.run();
      writer.transaction(() => {
        for (let row = 0; row < 10; row += 1) insertion.run();
      })();
      checkpointer.committed();
      highest = Math.max(highest, checkpointer.logPages);
      await nextTurn();
    }
    return highest;
  }

  it('keeps the log short under continuous writes, with readers from time to time, and loses nothing', async () => {
    const reader = new WorkerConnection({ path, readonly: true });
    const stop = new AbortController();
    const reading = (async () => {
      while (!stop.signal.aborted) {
        await reader.beginSnapshot();
        const count = await reader.count('SELECT count(*) FROM page');
        await new Promise((resolve) => setTimeout(resolve, 20));
        expect(await reader.count('SELECT count(*) FROM page')).toBe(count);
        await reader.commit();
        await new Promise((resolve) => setTimeout(resolve, 60));
      }
    })();
    const highest = await write(30_000);
    stop.abort();
    await reading;
    await reader.close();
    // At least 30,000 pages went through the log.
    expect(highest).toBeLessThan(8 * PAGES_BEFORE_PAUSE);
    expect(writer.prepare('SELECT count(*), count(DISTINCT content) FROM page').raw().get()).toEqual([
      3_000, 3_000,
    ]);
    expect(writer.pragma('integrity_check', { simple: true })).toBe('ok');
  });

  it('starts the log again as soon as a long read has ended, and pauses rarely meanwhile', async () => {
    const reader = new SqliteDatabase(path, { readonly: true });
    reader.exec('BEGIN');
    reader.prepare('SELECT count(*) FROM page').get();
    let pauses = 0;
    const run = checkpointer.run.bind(checkpointer);
    checkpointer.run = () => {
      if (checkpointer.needsPause) pauses += 1;
      return run();
    };
    // A writer that waited for the reader would wait here for ever.
    expect(await write(8_000)).toBeGreaterThan(7_000);
    expect(pauses).toBeLessThanOrEqual(8_000 / PAGES_PER_PASS);
    reader.close();
    for (let left = 20; left > 0 && checkpointer.logPages >= PAGES_BEFORE_PAUSE; left -= 1) await write(500);
    expect(checkpointer.logPages).toBeLessThan(PAGES_BEFORE_PAUSE);
  });

  it('never pauses writers whose log is short', async () => {
    await write(1_500);
    await checkpointer.run();
    expect(checkpointer.needsPause).toBe(false);
  });

  it('goes on if a pass fails', async () => {
    // Its connection is opened at the first pass.
    const lost = new Checkpointer(join(folder, 'missing.db'), writer);
    await lost.run();
    expect(lost.needsPause).toBe(false);
    await lost.close();
  });
});
