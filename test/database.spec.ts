import { renameSync } from 'node:fs';
import type { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { UnavailableError } from '../src/common/errors.js';
import { Database } from '../src/database/database.js';
import { eventually } from './support/eventually.js';
import { TestServer } from './support/server.js';
import { itOnSqlite } from './support/test-database.js';

describe('A transaction', () => {
  let server: TestServer;
  let database: Database;

  beforeAll(async () => {
    server = await TestServer.start();
    database = server.get(Database);
    await database.write((tx) => tx.sql.run('CREATE TABLE note (text varchar PRIMARY KEY, number integer)'));
  });
  afterAll(() => server.stop());

  function write(text: string, then: () => Promise<void> = async () => undefined): Promise<string> {
    return database.write(async (tx) => {
      await tx.sql.run('INSERT INTO note SELECT CAST(? AS varchar), count(*) FROM note', text);
      await then();
      return text;
    });
  }

  async function notes(prefix: string): Promise<string[]> {
    const rows = await database.write((tx) =>
      tx.sql.rows('SELECT text FROM note WHERE text LIKE ? ORDER BY number', `${prefix}%`),
    );
    return rows.map((row) => String(row.text));
  }

  it('keeps what was acknowledged when work beside it fails', async () => {
    const works = Array.from({ length: 600 }, (_, index) =>
      write(`a${index}`, async () => {
        await new Promise((resolve) => setImmediate(resolve));
        if (index % 3 === 0) throw new Error('no');
      }),
    );
    const results = await Promise.allSettled(works);
    const acknowledged = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    expect(acknowledged).toHaveLength(400);
    expect(await notes('a')).toEqual(acknowledged);
  });

  it('does the work in the order in which it was handed in', async () => {
    const seen: number[] = [];
    await Promise.all([3, 1, 2].map((index) => write(`b${index}`, async () => void seen.push(index))));
    expect(seen).toEqual([3, 1, 2]);
  });

  it('calls back after the commit, and never after a rollback', async () => {
    const heard: string[] = [];
    await database.write(async (tx) => tx.afterCommit(() => heard.push('committed')));
    const failing = database.write(async (tx) => {
      tx.afterCommit(() => heard.push('rolled back'));
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(heard).toEqual(['committed']);
  });

  itOnSqlite('calls back after a rollback, whether the work or the commit has failed', async () => {
    const heard: string[] = [];
    const failing = database.write(async (tx) => {
      tx.afterRollback(() => heard.push('the work'));
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    const [ended] = await Promise.allSettled([
      database.write((tx) => {
        tx.afterRollback(() => heard.push('the commit'));
        // As SQLite does by itself when the disk is full.
        return tx.sql.run('ROLLBACK');
      }),
    ]);
    expect(ended.status).toBe('rejected');
    expect(heard).toEqual(['the work', 'the commit']);
  });

  it('goes on if one that is called back throws, and calls back the others', async () => {
    const heard: string[] = [];
    const fail = (what: string) => (): never => {
      heard.push(what);
      throw new Error(what);
    };
    database.onCommit(fail('listener'));
    const done = await database.write(async (tx) => {
      tx.afterCommit(fail('commit'));
      tx.afterCommit(() => heard.push('another'));
      return 'done';
    });
    expect(done).toBe('done');
    const failing = database.write(async (tx) => {
      tx.afterRollback(fail('rollback'));
      tx.afterRollback(() => heard.push('one more'));
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(heard).toEqual(['commit', 'another', 'listener', 'rollback', 'one more']);
    expect(await write('after')).toBe('after');
  });

  it('refuses to be opened inside itself', async () => {
    await expect(database.write(() => write('c'))).rejects.toThrow('inside another one');
    expect(await notes('c')).toEqual([]);
  });

  itOnSqlite('fails only the work whose transaction SQLite has ended', async () => {
    const ended = Promise.allSettled([
      write('d1'),
      database.write((tx) => tx.sql.run('ROLLBACK')), // As SQLite does by itself when the disk is full.
      write('d2'),
    ]);
    expect((await ended).map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await write('d3')).toBe('d3');
    expect(await notes('d')).toEqual(['d1', 'd2', 'd3']);
  });

  itOnSqlite('says what the work has met if SQLite has ended the transaction because of it', async () => {
    const full = database.write(async (tx) => {
      await tx.sql.run('ROLLBACK');
      throw new Error('database or disk is full');
    });
    await expect(full).rejects.toThrow('database or disk is full');
  });

  itOnSqlite('fails with its thread, and the next one gets a new thread', async () => {
    const kill = async (...path: string[]): Promise<void> => {
      const worker = path.reduce<object>((found, name) => Reflect.get(found, name) as object, database);
      await (worker as Worker).terminate();
    };
    const failing = write('f1', () => kill('writer', 'worker', 'worker'));
    const behind = write('f2');
    await expect(failing).rejects.toBeInstanceOf(UnavailableError);
    expect(await behind).toBe('f2');
    expect(await notes('f')).toEqual(['f2']);
    const count = (): Promise<number> => database.scan((sql) => sql.count('SELECT 1'));
    expect(await count()).toBe(1);
    await kill('scanner', 'worker');
    expect(await count()).toBe(1);
  });

  itOnSqlite('or a scan fails while the file is away, and no longer', async () => {
    const other = await TestServer.start();
    const file = `${other.folder}/paperminder.db`;
    renameSync(file, `${file}.away`);
    const answers = [await other.request('GET', '/api/printers')];
    renameSync(`${file}.away`, file);
    answers.push(await other.request('GET', '/api/printers'));
    await other.stop();
    expect(answers.map(({ status }) => status)).toEqual([503, 200]);
  });

  itOnSqlite('reports a database that is locked, and recovers by itself', async () => {
    const other = new DataSource({ type: 'better-sqlite3', database: `${server.folder}/paperminder.db` });
    await other.initialize();
    await other.query('BEGIN IMMEDIATE');
    await expect(write('e1')).rejects.toThrow('locked');
    await other.query('ROLLBACK');
    await other.destroy();
    await eventually('it works again', async () => (await write('e2')) === 'e2');
    expect(await notes('e')).toEqual(['e2']);
  });
});
