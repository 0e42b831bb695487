import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import SqliteDatabase from 'better-sqlite3';
import { UnavailableError } from '../src/common/errors.js';
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

  it('reads one state of the database within a transaction', async () => {
    other.exec(`INSERT INTO note VALUES (1, 'before', 0)`);
    await connection.run('BEGIN');
    expect(await connection.count('SELECT count(*) FROM note')).toBe(1);
    other.exec(`INSERT INTO note VALUES (2, 'meanwhile', 0)`);
    expect(await connection.count('SELECT count(*) FROM note')).toBe(1);
    await connection.run('COMMIT');
    expect(await connection.count('SELECT count(*) FROM note')).toBe(2);
  });

  it('commits and rolls back', async () => {
    await connection.run('BEGIN IMMEDIATE');
    await connection.run(`INSERT INTO note VALUES (1, 'kept', 0)`);
    await connection.run('COMMIT');
    await connection.run('BEGIN IMMEDIATE');
    await connection.run(`INSERT INTO note VALUES (2, 'gone', 0)`);
    await connection.run('ROLLBACK');
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
    const [busy] = await Promise.allSettled([connection.run('BEGIN IMMEDIATE')]);
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
    await missing.close();
  });

  it('finishes earlier calls when it is closed, and refuses later ones', async () => {
    const earlier = connection.run(`INSERT INTO note VALUES (1, 'last', 0)`);
    const closed = connection.close();
    await expect(connection.count('SELECT 1')).rejects.toBeInstanceOf(UnavailableError);
    await closed;
    expect(await earlier).toBe(1);
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
    await expect(connection.count('SELECT 1')).rejects.toBeInstanceOf(UnavailableError);
  });
});
