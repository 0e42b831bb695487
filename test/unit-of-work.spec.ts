import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { UnitOfWork } from '../src/database/unit-of-work.js';
import { eventually } from './support/eventually.js';
import { TestServer } from './support/server.js';

describe('The unit of work', () => {
  let server: TestServer;
  let unitOfWork: UnitOfWork;

  beforeAll(async () => {
    server = await TestServer.start();
    unitOfWork = server.get(UnitOfWork);
    await unitOfWork.run((tx) => tx.em.query('CREATE TABLE note (text varchar PRIMARY KEY)'));
  });
  afterAll(() => server.stop());

  function write(text: string, then: () => Promise<void> = async () => undefined): Promise<string> {
    return unitOfWork.run(async (tx) => {
      await tx.em.query('INSERT INTO note VALUES (?)', [text]);
      await then();
      return text;
    });
  }

  async function notes(prefix: string): Promise<string[]> {
    const rows = await unitOfWork.run<Array<{ text: string }>>((tx) =>
      tx.em.query('SELECT text FROM note WHERE text LIKE ? ORDER BY rowid', [`${prefix}%`]),
    );
    return rows.map((row) => row.text);
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
    await unitOfWork.run(async (tx) => tx.afterCommit(() => heard.push('committed')));
    const failing = unitOfWork.run(async (tx) => {
      tx.afterCommit(() => heard.push('rolled back'));
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(heard).toEqual(['committed']);
  });

  it('tells those who remember things that something was rolled back', async () => {
    let failures = 0;
    let rollbacks = 0;
    unitOfWork.onRollback(() => (rollbacks += 1));
    const failing = unitOfWork.run(async (tx) => {
      tx.onFailure(() => (failures += 1));
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect([failures, rollbacks]).toEqual([1, 0]);
    // As SQLite does by itself when the disk is full.
    const [ended] = await Promise.allSettled([unitOfWork.run((tx) => tx.em.query('ROLLBACK'))]);
    expect(ended.status).toBe('rejected');
    expect([failures, rollbacks]).toEqual([1, 1]);
  });

  it('refuses to be opened inside itself', async () => {
    await expect(unitOfWork.run(() => write('c'))).rejects.toThrow('inside another one');
    expect(await notes('c')).toEqual([]);
  });

  it('fails all work of a group whose transaction SQLite has ended, and goes on with the next', async () => {
    const ended = Promise.allSettled([
      write('d1'),
      unitOfWork.run((tx) => tx.em.query('ROLLBACK')), // As SQLite does by itself when the disk is full.
      write('d2'),
    ]);
    expect((await ended).map((result) => result.status)).toEqual(['rejected', 'rejected', 'fulfilled']);
    expect(await write('d3')).toBe('d3');
    expect(await notes('d')).toEqual(['d2', 'd3']);
  });

  it('says what the work has met where SQLite has ended the transaction because of it', async () => {
    const full = unitOfWork.run(async (tx) => {
      await tx.em.query('ROLLBACK');
      throw new Error('database or disk is full');
    });
    await expect(full).rejects.toThrow('database or disk is full');
  });

  it('reports a database that is locked, and recovers by itself', async () => {
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
