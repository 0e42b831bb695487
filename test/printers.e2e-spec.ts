import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { PrinterListResponse } from '../src/printer/list/printer-list.dto.js';
import type { VirtualPrinter } from '../src/simulator/virtual-printer.js';
import { eventually } from './support/eventually.js';
import { connected, details, expectStatus } from './support/factories.js';
import type { ProblemBody } from './support/factories.js';
import { TestServer } from './support/server.js';

describe('The list of printers', () => {
  const owner = randomUUID();
  let server: TestServer;
  let fleet: VirtualPrinter[];

  beforeAll(async () => {
    server = await TestServer.start();
    fleet = [];
    for (let index = 0; index < 12; index++) {
      fleet.push(
        await connected(server, {
          name: `Printer ${index}`,
          version: index % 2 ? '1.4.0' : '1.3.0',
          channel: index % 3 ? 'stable' : 'beta',
          ...(index < 6 ? { userId: owner } : {}),
        }),
      );
    }
    await Promise.all(fleet.slice(0, 4).map((one) => one.stop()));
    await eventually('four are offline', async () => (await list('?online=false')).total === 4);
  });
  afterAll(async () => {
    await Promise.all(fleet.map((one) => one.stop()));
    await server.stop();
  });

  async function list(query = ''): Promise<PrinterListResponse> {
    return expectStatus(await server.request<PrinterListResponse>('GET', `/api/printers${query}`), 200);
  }

  it.each([
    ['', 12],
    [`?user_id=${owner}`, 6],
    [`?user_id=${owner.toUpperCase()}`, 6],
    ['?online=true', 8],
    ['?online=false', 4],
    ['?firmware_version=1.4.0', 6],
    ['?firmware_version=v1.4', 6],
    ['?channel=beta', 4],
    ['?channel=canary', 0],
    [`?user_id=${owner}&online=true&firmware_version=1.4.0&channel=stable`, 1],
  ])('with %s has %i', async (query, total) => {
    const page = await list(query);
    expect([page.total, page.printers.length, page.next_cursor]).toEqual([total, total, null]);
  });

  it('is paged by number, and counts all that match on every page', async () => {
    const names: string[] = [];
    let cursor: number | string | null = 0;
    while (cursor !== null) {
      const page: PrinterListResponse = await list(`?limit=5&cursor=${cursor}`);
      expect(page.total).toBe(12);
      names.push(...page.printers.map((one) => one.name));
      cursor = page.next_cursor;
    }
    expect(names).toEqual(fleet.map((one) => one.options.name));
  });

  it.each([
    ['?platform=esp8266', 0],
    ['?auto_update=true', 12],
    ['?auto_update=false', 0],
    ['?blocked=false&channel=beta', 4],
    ['?blocked=true', 0],
    ['?search=printer', 12],
    ['?search=PRINTER%201', 3],
    ['?search=rinter', 12],
    ['?search=R%201', 3],
    ['?search=er', 12],
    ['?search=r_1', 0],
    ['?search=%25', 0],
    ['?search=5', 2],
    ['?failed=true', 0],
    ['?behind=true', 0],
    ['?failed=false&behind=false', 12],
  ])('with %s has %i, too', async (query, total) => {
    const page = await list(query);
    expect([page.total, page.printers.length]).toEqual([total, total]);
  });

  it('finds a printer by its number, and by the begin of its UUID', async () => {
    const { uuid } = fleet[7]!.options;
    for (const text of [uuid, uuid.toUpperCase(), uuid.slice(0, 8), uuid.slice(0, 9), uuid.slice(0, 30)])
      expect((await list(`?search=${text}`)).printers.map((one) => one.uuid)).toEqual([uuid]);
    const { id } = await details(server, uuid);
    // Names that have the digits in them are found, too.
    expect((await list(`?search=${id}&sort=id`)).printers.map((one) => one.uuid)).toContain(uuid);
    expect((await list(`?search=${uuid.slice(0, 7)}`)).total).toBe(0);
  });

  it('is sorted by name or by version, the newest printer last or first', async () => {
    const names = async (query: string): Promise<string[]> =>
      (await list(query)).printers.map((one) => one.name);
    const byName = fleet.map((one) => one.options.name).sort();
    expect(await names('?sort=name')).toEqual(byName);
    expect(await names('?search=print')).toEqual(byName);
    expect(await names('?sort=name&order=desc')).toEqual([...byName].reverse());
    expect((await names('?sort=firmware_version&order=desc&limit=1'))[0]).toBe('Printer 11');
    expect((await names('?order=desc&limit=1'))[0]).toBe('Printer 11');
    expect((await names('?search=print&sort=id&limit=1'))[0]).toBe('Printer 0');
  });

  it('has cursors that belong to their order', async () => {
    const byName = (await list('?sort=name&limit=1')).next_cursor;
    expect(byName).toEqual(expect.any(String));
    expect((await list('?limit=1')).next_cursor).toBe(1);
    const refused = [
      `?cursor=${byName}`,
      `?sort=name&order=desc&cursor=${byName}`,
      `?sort=firmware_version&cursor=${byName}`,
      '?sort=name&cursor=1',
      '?order=desc&cursor=1',
      '?search=p&cursor=1',
      `?sort=name&cursor=${Buffer.from('["name",false,1,1]').toString('base64url')}`,
      `?sort=name&cursor=${Buffer.from('["name",false,"a",0.5]').toString('base64url')}`,
    ];
    for (const query of refused) {
      const answer = await server.request<ProblemBody>('GET', `/api/printers${query}`);
      expect([query, answer.status, answer.body.errors?.[0]?.field]).toEqual([query, 400, 'cursor']);
    }
  });

  it('never has a printer that does not match, wherever a cursor leads', async () => {
    const cursorTo = (key: string, descending = false): string =>
      Buffer.from(JSON.stringify(['name', descending, key, 0])).toString('base64url');
    for (const [key, descending, total] of [
      ['A', false, 3],
      ['Printer 0', false, 3],
      ['Z', false, 0],
      ['Z', true, 3],
      ['A', true, 0],
    ] as const) {
      const order = descending ? 'desc' : 'asc';
      const page = await list(`?search=printer%201&order=${order}&cursor=${cursorTo(key, descending)}`);
      expect([key, descending, page.printers.length]).toEqual([key, descending, total]);
    }
  });

  it.each([
    ['user_id', 'me'],
    ['online', 'yes'],
    ['online', '1'],
    ['firmware_version', 'newest'],
    ['channel', 'nightly'],
    ['channel', ''],
    ['limit', '0'],
    ['limit', '10001'],
    ['limit', '1e3'],
    ['cursor', '-1'],
    ['cursor', ''],
    ['search', ''],
    ['search', 'x'.repeat(129)],
    ['sort', 'last_connected'],
    ['order', 'up'],
    ['platform', '*'],
    ['auto_update', '1'],
    ['blocked', 'no'],
    ['version', '1.4.0'],
  ])('refuses %s=%s, and names both', async (field, value) => {
    const answer = await server.request<ProblemBody>('GET', `/api/printers?${field}=${value}`);
    expect(answer.status).toBe(400);
    expect(answer.body.errors?.map((error) => [error.field, String(error.value)])).toEqual([[field, value]]);
  });

  it('refuses a filter that is given twice', async () => {
    expect((await server.request('GET', '/api/printers?channel=beta&channel=stable')).status).toBe(400);
  });

  it('leads to a printer by its number and by its UUID', async () => {
    const { uuid } = fleet[3]!.options;
    const byUuid = await details(server, uuid.toUpperCase());
    expect(byUuid).toMatchObject({ uuid, name: 'Printer 3', user_id: owner, online: false });
    expect(await details(server, byUuid.id)).toEqual(byUuid);
  });

  it.each([
    ['999999', 404],
    ['770e8400-e29b-41d4-a716-446655440000', 404],
    ['front-desk', 400],
    ['-1', 400],
    ['1.5', 400],
    ['1?full=1', 400],
  ])('has no printer %s', async (key, status) => {
    expect((await server.request('GET', `/api/printers/${key}`)).status).toBe(status);
  });
});
