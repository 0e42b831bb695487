import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Board } from './support/board.js';
import { eventually } from './support/eventually.js';
import { expectStatus, patch, roll, upload } from './support/factories.js';
import { TestServer } from './support/server.js';

const ROWS = 4;

/** Every list that is read page by page: its path, and the field with its rows. */
const LISTS: Array<[path: string, field: string, maximum: number]> = [
  ['/api/rollouts', 'rollouts', 1_000],
  ['/api/rollouts?status=cancelled', 'rollouts', 1_000],
  ['/api/rollouts/1/updates?status=pending', 'updates', 1_000],
  ['/api/printers', 'printers', 10_000],
  ['/api/printers?sort=name&order=desc', 'printers', 10_000],
  ['/api/registrations', 'registrations', 1_000],
  ['/api/registrations?status=pending', 'registrations', 1_000],
  ['/api/audit', 'entries', 1_000],
  ['/api/audit?action=rollout.create', 'entries', 1_000],
];

interface ListBody extends Record<string, unknown> {
  next_cursor: number | string | null;
}

describe('A list', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await TestServer.start({ REGISTRATION: 'approve' });
    const uuids = Array.from({ length: 2 * ROWS }, () => randomUUID());
    for (const uuid of uuids) await subscribe(uuid);
    for (const uuid of uuids.slice(0, ROWS)) {
      const path = `/api/registrations/${uuid}`;
      expectStatus(await server.request('PATCH', path, { status: 'accepted' }), 200);
      await subscribe(uuid);
    }
    await upload(server, '1.5.0');
    for (let index = 0; index <= ROWS; index++) {
      const { id } = await roll(server, '1.5.0');
      if (index > 0) await patch(server, id, { status: 'cancelled' });
    }
  });
  afterAll(() => server.stop());

  async function subscribe(uuid: string): Promise<void> {
    const board = await Board.connect(server);
    await board.subscribe(uuid);
    board.socket.close();
    await eventually('the socket is closed', () => board.closed);
  }

  async function read(path: string, query: string): Promise<ListBody> {
    return expectStatus(await server.request<ListBody>('GET', withQuery(path, query)), 200);
  }

  /** All rows, read in pages of this size, and the number of rows on each page. */
  async function readPages(path: string, field: string, size: number): Promise<[unknown[], number[]]> {
    const rows: unknown[] = [];
    const sizes: number[] = [];
    let cursor = '';
    for (;;) {
      const body = await read(path, `limit=${size}${cursor}`);
      const page = body[field] as unknown[];
      rows.push(...page);
      sizes.push(page.length);
      if (body.next_cursor === null) return [rows, sizes];
      cursor = `&cursor=${body.next_cursor}`;
    }
  }

  it.each(LISTS)('reads page by page what it reads at once: %s', async (path, field, maximum) => {
    const whole = await read(path, `limit=${maximum}`);
    const all = whole[field] as unknown[];
    expect(all.length).toBeGreaterThanOrEqual(ROWS);
    expect(whole.next_cursor).toBeNull();
    for (const size of [1, ROWS - 1, all.length - 1]) {
      const [rows, sizes] = await readPages(path, field, size);
      expect(rows).toEqual(all);
      expect(sizes.slice(0, -1)).toEqual(sizes.slice(0, -1).map(() => size));
      expect(sizes.at(-1)).toBeGreaterThan(0);
    }
  });

  it.each(LISTS)('has no next page when the last row is on this one: %s', async (path, field) => {
    const all = (await read(path, ''))[field] as unknown[];
    const body = await read(path, `limit=${all.length}`);
    expect(body[field]).toEqual(all);
    expect(body.next_cursor).toBeNull();
  });

  it.each(LISTS)('refuses a limit or a cursor that makes no sense: %s', async (path, _, maximum) => {
    for (const query of ['limit=0', `limit=${maximum + 1}`, 'limit=1.5', 'limit=', 'cursor=-1', 'cursor=1.5'])
      expect({ query, status: (await server.request('GET', withQuery(path, query))).status }).toEqual({
        query,
        status: 400,
      });
  });

  it('takes every cursor that can be a number, also one that leads nowhere', async () => {
    for (const path of ['/api/rollouts', '/api/registrations', '/api/audit'])
      expect(await read(path, 'cursor=0')).toMatchObject({ next_cursor: null });
  });
});

function withQuery(path: string, query: string): string {
  return path + (path.includes('?') ? '&' : '?') + query;
}
