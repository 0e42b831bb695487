import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { PrinterListResponse } from '../src/printer/list/printer-list.dto.js';
import type { ProblemResponse } from '../src/printer/printer.dto.js';
import type { DecisionResponse } from '../src/rollout/http/dto/printer-decision.dto.js';
import type { RolloutPreviewResponse } from '../src/rollout/http/dto/rollout-preview.dto.js';
import { eventually } from './support/eventually.js';
import { counts, details, expectStatus, history, patch, roll, rollout, upload } from './support/factories.js';
import { LogLines } from './support/log-lines.js';
import { RawSocket, subscribeMessage } from './support/raw-socket.js';
import { TestServer } from './support/server.js';

const SINCE = expect.stringMatching(/^\d{4}-.*Z$/);
// A family of four people: 7 code points, 11 units.
const FAMILY = '👨‍👩‍👧‍👦';

describe('A printer that gets something wrong', () => {
  let server: TestServer;
  const log = new LogLines();
  const open: RawSocket[] = [];

  beforeAll(async () => {
    server = await TestServer.start({}, log);
    await upload(server, '1.5.0');
  });
  afterAll(() => server.stop());
  afterEach(() => {
    for (const raw of open.splice(0)) raw.socket.terminate();
  });

  async function connect(): Promise<RawSocket> {
    const raw = await RawSocket.open(server);
    open.push(raw);
    return raw;
  }

  /** Subscribes with something unusual, which must be accepted; returns what is on record, and the answer. */
  async function subscribed(
    more: object,
    raw?: RawSocket,
  ): Promise<{ uuid: string; raw: RawSocket; detail: string; record: Awaited<ReturnType<typeof details>> }> {
    const socket = raw ?? (await connect());
    const uuid = randomUUID();
    const hello = { printer_name: 'Front Desk', printer_id: uuid, firmware_version: '1.4.0', ...more };
    const answer = await socket.ask(hello);
    expect(answer.code).toBe('subscription_accepted');
    expect(JSON.stringify(answer).length).toBeLessThan(1_024);
    return {
      uuid: hello.printer_id,
      raw: socket,
      detail: String(answer.detail),
      record: await details(server, hello.printer_id),
    };
  }

  it.each([
    ['1.5.0+7', '1.5.0'],
    ['1.4.0\n', '1.4.0'],
    ['\r\n 1.4.0\t\0', '1.4.0'],
    ['v1.4+build.2024', '1.4.0'],
    ['1.5.0-beta.2+x', '1.5.0-beta.2'],
    [`1.4.0+${'a'.repeat(200)}`, '1.4.0'],
    ['1.5.0-3-gabc1234', '1.5.0-3-gabc1234'],
    ['', '0.0.0'],
    [' \0\n', '0.0.0'],
  ])('in the text of its version is understood: %j', async (firmware_version, version) => {
    const { record, detail } = await subscribed({ firmware_version });
    expect(record).toMatchObject({ firmware_version: version, reported_version: null, problems: [] });
    expect(detail).toBe('Subscribed as Front Desk');
  });

  it.each([
    ['unknown', 'unknown'],
    ['1.4.0.2', '1.4.0.2'],
    [' esphome 2024 \n', 'esphome 2024'],
    ['9007199254740992.0.0', '9007199254740992.0.0'],
    ['9'.repeat(300), '9'.repeat(64)],
    ['1.4.0\ud83d', '1.4.0\ufffd'],
    ['+7', '+7'],
    [1.5, '1.5'],
    [true, 'true'],
    [['1.4.0'], '(a list)'],
    [{ major: 1 }, '(an object)'],
  ])('and reports a version that cannot be read is accepted: %j', async (firmware_version, reported) => {
    const { record, detail } = await subscribed({ firmware_version });
    expect(record).toMatchObject({ online: true, firmware_version: null, reported_version: reported });
    expect(record.problems).toMatchObject([{ field: 'firmware_version', since: SINCE }]);
    expect(detail).toContain('firmware_version');
  });

  it.each([
    ['auto_update', 1, '1', { auto_update: true }],
    ['auto_update', 'no', 'no', { auto_update: true }],
    ['update_channel', 'nightly', 'nightly', { update_channel: 'stable' }],
    ['update_channel', null, null, { update_channel: 'stable' }],
    ['user_id', 'me', 'me', {}],
    ['user_id', { x: 1 }, '(an object)', {}],
    ['platform', 8266, '8266', { platform: null }],
    ['platform', 'x'.repeat(33), 'x'.repeat(33), { platform: null }],
    ['printer_name', '', '', {}],
    ['printer_name', 'x'.repeat(129), 'x'.repeat(64), {}],
    ['printer_name', 'half\ud83d', 'half\ufffd', {}],
    ['printer_name', 5, '5', {}],
    ['kind', 7, '7', {}],
  ])('in %s (%j) is accepted without that field', async (field, value, shown, record) => {
    const subscribe = await subscribed({ [field]: value });
    expect(subscribe.record).toMatchObject(record);
    if (value === null) {
      expect(subscribe.record.problems).toEqual([]);
      return;
    }
    const message = expect.stringContaining(field === 'kind' ? 'kind' : `${field} must`);
    expect(subscribe.record.problems).toEqual([{ field, value: shown, message, since: SINCE }]);
    expect(subscribe.detail).toContain(`; not usable: ${field}`);
    if (field === 'printer_name') expect(subscribe.record.name).toBe(`Printer ${subscribe.uuid.slice(0, 8)}`);
  });

  it.each([
    ['65 emoji', '🖨'.repeat(65)],
    ['128 emoji', '🖨'.repeat(128)],
    ['families', FAMILY.repeat(18)],
  ])('is not one whose name has %s: characters are counted', async (_what, printer_name) => {
    const { record } = await subscribed({ printer_name });
    expect(record).toMatchObject({ name: printer_name, problems: [] });
  });

  it('and says no name is called by its UUID', async () => {
    const { record, uuid } = await subscribed({ printer_name: undefined });
    expect(record).toMatchObject({ name: uuid.slice(0, 8), problems: [] });
    const raw = await connect();
    const firstGeneration = randomUUID();
    expect((await raw.ask({ api_key: firstGeneration })).code).toBe('subscription_accepted');
    expect((await details(server, firstGeneration)).name).toBe(firstGeneration.slice(0, 8));
  });

  it.each([
    ['a NUL', '\0'],
    ['a line', '\r\n'],
    ['all of it', ' \t\0\0\u001b\u007f\n'],
  ])('behind its JSON is understood: %s', async (_what, tail) => {
    const raw = await connect();
    const uuid = randomUUID();
    const hello = JSON.stringify(subscribeMessage({ printer_id: uuid }));
    expect((await raw.ask(hello + tail)).code).toBe('subscription_accepted');
    expect(await details(server, uuid)).toMatchObject({ firmware_version: '1.4.0', problems: [] });
  });

  it('as a name in another encoding keeps its connection', async () => {
    const raw = await connect();
    const uuid = randomUUID();
    const hello = JSON.stringify({ printer_name: 'Büro', printer_id: uuid });
    raw.socket.send(Buffer.from(hello, 'latin1'), { binary: false });
    await eventually('the answer', () => raw.received.at(-1)?.code === 'subscription_accepted');
    expect(await details(server, uuid)).toMatchObject({ name: 'B\ufffdro', online: true });
  });

  it('in what nobody reads is not refused for it', async () => {
    const deep = JSON.parse('['.repeat(1_000) + ']'.repeat(1_000)) as unknown;
    const fields = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`f${index}`, 1]));
    for (const more of [{ x: deep }, fields, { valueOf: 1 }, { x: '\ud83d' }, { printer_name: deep }])
      await subscribed(more);
    const raw = await connect();
    const proto = `{"__proto__":{"x":1},"printer_id":"${randomUUID()}"}`;
    expect((await raw.ask(proto)).code).toBe('subscription_accepted');
  });

  it('shows since when, for as long as the same field stays wrong, and nothing after a clean subscribe', async () => {
    const uuid = randomUUID();
    const first = await subscribed({ printer_id: uuid, auto_update: 1, update_channel: 'x' });
    server.clock.advance(60_000);
    const second = await subscribed({ printer_id: uuid, auto_update: 2, platform: 1 }, first.raw);
    const [since] = first.record.problems.map((problem: ProblemResponse) => problem.since);
    expect(second.record.problems).toMatchObject([
      { field: 'platform', value: '1' },
      { field: 'auto_update', value: '2', since },
    ]);
    expect(second.record.problems[0]!.since > since!).toBe(true);
    const clean = await subscribed({ printer_id: uuid }, first.raw);
    expect(clean.record.problems).toEqual([]);
  });

  it('never has its secret repeated, and one that cannot be used opens nothing', async () => {
    const secret = 'k'.repeat(1_025);
    const { uuid, record, raw } = await subscribed({ api_key: secret });
    expect(record).toMatchObject({ has_key: false, problems: [{ field: 'api_key', value: null }] });
    expect(JSON.stringify(record)).not.toContain('kkk');
    await subscribed({ printer_id: uuid, api_key: 'good' }, raw);
    for (const api_key of [secret, 5, 'half\ud83d', ['good'], null]) {
      const other = await connect();
      const hello = { printer_name: 'x', printer_id: uuid, api_key };
      expect([api_key, (await other.ask(hello)).code]).toEqual([api_key, 'unauthorized']);
    }
  });

  it('is found by a filter, and counted by field', async () => {
    const { uuid } = await subscribed({ auto_update: 1, firmware_version: 'odd' });
    const { uuid: clean } = await subscribed({});
    const ids = async (query: string): Promise<string[]> => {
      const path = `/api/printers?limit=10000&${query}`;
      const list = expectStatus(await server.request<PrinterListResponse>('GET', path), 200);
      expect(list.printers).toHaveLength(list.total);
      return list.printers.map((one) => one.uuid);
    };
    for (const query of [
      'problems=true',
      'firmware_version=unknown',
      'problems=true&online=true&channel=stable',
    ]) {
      expect(await ids(query)).toContain(uuid);
      expect(await ids(query)).not.toContain(clean);
    }
    expect(await ids('problems=false')).toContain(clean);
    expect(await ids('problems=false')).not.toContain(uuid);
    expect((await server.request('GET', '/api/printers?problems=yes')).status).toBe(400);
    const metric = async (field: string): Promise<number> => {
      const { body } = await server.request<string>('GET', '/metrics');
      const line = body.split('\n').find((one) => one.includes(`with_problems{field="${field}"}`));
      return Number(line?.split(' ').at(-1));
    };
    const [any, auto] = [await metric('any'), await metric('auto_update')];
    expect(any).toBe((await ids('problems=true')).length);
    await server.request('DELETE', `/api/printers/${uuid}`);
    expect([await metric('any'), await metric('auto_update')]).toEqual([any - 1, auto - 1]);
    const versions = await server.request<string>('GET', '/metrics');
    expect(versions.body).toContain('paperminder_printers_by_version{version="unknown"}');
  });

  it('that cannot be helped is seen in the log and in a metric', async () => {
    const raw = await connect();
    const before = log.of('PrinterGateway').length;
    for (const message of [
      'nonsense',
      {},
      { printer_name: 'x' },
      { printer_name: 'x', printer_id: '42' },
      { printer_name: 'x', printer_id: [randomUUID()] },
      { printer_name: 'x', api_key: 'secret' },
    ])
      expect((await raw.ask(message)).code).toBe('validation_error');
    const { body } = await server.request<string>('GET', '/metrics');
    expect(Number(/refused_total\{code="validation_error"\} (\d+)/.exec(body)?.[1])).toBeGreaterThanOrEqual(
      6,
    );
    const lines = log.of('PrinterGateway');
    // Throttled: at most one line a minute.
    expect(lines.length - before).toBeLessThanOrEqual(1);
    expect(lines.filter((line) => line.includes('validation_error'))).toHaveLength(1);
  });

  describe('in its version', () => {
    async function decision(uuid: string): Promise<DecisionResponse> {
      return expectStatus(
        await server.request<DecisionResponse>('GET', `/api/printers/${uuid}/decision`),
        200,
      );
    }

    it('is moved by a rollout that allows downgrades and has no bounds, and by no other', async () => {
      const { uuid, raw } = await subscribed({ firmware_version: 'unknown' });
      const printer_ids = [uuid];
      const refused = [
        await roll(server, '1.5.0', { target: { printer_ids } }),
        await roll(server, '1.5.0', { target: { printer_ids, min_version: '0.0.0' }, allow_downgrade: true }),
        await roll(server, '1.5.0', { target: { printer_ids, max_version: '9.0.0' }, allow_downgrade: true }),
      ];
      for (const { id } of refused) expect(await counts(server, id)).toEqual([0, 0, 0, 0, 0]);
      expect(await decision(uuid)).toMatchObject({
        send: false,
        reason: 'version_unknown',
        firmware_version: null,
      });
      const body = {
        firmware_version: '1.5.0',
        rollout_type: 'immediate',
        target: { printer_ids },
        allow_downgrade: true,
      };
      const preview = await server.request<RolloutPreviewResponse>('POST', '/api/rollouts/preview', body);
      expect(expectStatus(preview, 200)).toMatchObject({
        matching: 1,
        now: 1,
        by_version: [{ version: 'unknown', matching: 1, now: 1 }],
      });
      const { id } = await roll(server, '1.5.0', body);
      await eventually('it is sent the update', () => raw.received.at(-1)?.kind === 'firmware_update');
      expect(await counts(server, id)).toEqual([0, 1, 0, 0, 0]);
      await subscribed({ printer_id: uuid, firmware_version: '1.5.0+7' }, raw);
      expect(await counts(server, id)).toEqual([0, 0, 1, 0, 0]);
      expect((await details(server, uuid)).reported_version).toBeNull();
      for (const one of [...refused, { id }]) await patch(server, one.id, { status: 'cancelled' });
    });

    it('is not moved by what was on record: not even if it ran an older version before', async () => {
      const { uuid, raw } = await subscribed({ firmware_version: '1.4.0' });
      const { id } = await roll(server, '1.5.0', {
        target: { printer_ids: [uuid] },
        rollout_type: 'gradual',
        rollout_percentage: 0,
      });
      expect(await counts(server, id)).toEqual([1, 0, 0, 0, 0]);
      await subscribed({ printer_id: uuid, firmware_version: 'very new' }, raw);
      expect((await rollout(server, id)).total_targets).toBe(0);
      await patch(server, id, { rollout_percentage: 100 });
      // A version that is absent is the one on record: still not known.
      await subscribed({ printer_id: uuid, firmware_version: '' }, raw);
      expect(await details(server, uuid)).toMatchObject({
        firmware_version: null,
        reported_version: 'very new',
      });
      expect(await history(server, uuid)).toEqual([]);
      await subscribed({ printer_id: uuid, firmware_version: '1.4.0' }, raw);
      expect(await counts(server, id)).toEqual([0, 1, 0, 0, 0]);
      await patch(server, id, { status: 'cancelled' });
    });

    it('is not moved by an old rollback once a newer rollout names it', async () => {
      await upload(server, '1.3.0');
      const { uuid, raw } = await subscribed({ firmware_version: '1.4.0' });
      const target = { printer_ids: [uuid] };
      const old = await roll(server, '1.3.0', {
        target,
        allow_downgrade: true,
        rollout_type: 'gradual',
        rollout_percentage: 0,
      });
      const newer = await roll(server, '1.5.0', { target, rollout_type: 'gradual', rollout_percentage: 0 });
      await subscribed({ printer_id: uuid, firmware_version: 'perhaps 1.5.0' }, raw);
      await patch(server, old.id, { rollout_percentage: 100 });
      expect(await counts(server, old.id)).toEqual([0, 0, 0, 0, 0]);
      expect((await decision(uuid)).rollouts.map(({ reason }) => reason).sort()).toEqual([
        'superseded',
        'version_unknown',
      ]);
      await patch(server, newer.id, { status: 'cancelled' });
      await eventually('the only one that is left moves it', () => raw.received.at(-1)?.version === '1.3.0');
      expect(await counts(server, old.id)).toEqual([0, 1, 0, 0, 0]);
      await patch(server, old.id, { status: 'cancelled' });
    });

    it('is shown in the summary, in the history of the fleet and by the sort', async () => {
      const { uuid } = await subscribed({ firmware_version: 'odd' });
      for (const path of ['/api/summary', '/api/fleet/history?hours=1'])
        expect(JSON.stringify((await server.request('GET', path)).body)).toContain('"unknown"');
      const list = await server.request<PrinterListResponse>(
        'GET',
        '/api/printers?sort=firmware_version&limit=10000',
      );
      const known = list.body.printers.findIndex((one) => one.firmware_version !== null);
      expect(list.body.printers.findIndex((one) => one.uuid === uuid)).toBeLessThan(known);
    });
  });

  describe('in a report', () => {
    /** A printer that has just been sent 1.5.0, and the rollout. */
    async function updating(): Promise<{ raw: RawSocket; uuid: string; id: number }> {
      const uuid = randomUUID();
      const { id } = await roll(server, '1.5.0', { target: { printer_ids: [uuid] } });
      const { raw } = await subscribed({ printer_id: uuid });
      await eventually('the update', () => raw.received.at(-1)?.kind === 'firmware_update');
      return { raw, uuid, id };
    }

    it.each([
      ['completed', { kind: 'firmware_complete', version: '1.5.0+7' }],
      ['completed', { kind: 'firmware_complete', version: ' v1.5\n' }],
      ['completed', { kind: 'firmware_complete' }],
      ['completed', { kind: 'firmware_complete', version: 'newest' }],
      ['completed', { kind: 'firmware_complete', version: 15 }],
      ['failed', { kind: 'firmware_failed' }],
      ['failed', { kind: 'firmware_failed', error: 404 }],
      ['failed', { kind: 'firmware_failed', error: 'half\ud83d' }],
      ['failed', { kind: 'firmware_progress', percent: '-1' }],
      ['declined', { kind: 'firmware_declined', version: '1.5.0+7', auto_update: 'no' }],
      ['declined', { kind: 'firmware_declined', version: 7, auto_update: 0 }],
    ])('has its update %s by %j', async (status, report) => {
      const { raw, uuid } = await updating();
      raw.socket.send(`${JSON.stringify(report)}\0`);
      await eventually(
        'its end',
        () => history(server, uuid),
        ([update]) => update?.status === status,
      );
      expect(raw.received.filter(({ code }) => code === 'validation_error')).toEqual([]);
    });

    it.each([
      [{ percent: '45' }, 45],
      [{ percent: ' 45.9 ' }, 45],
      [{ percent: 101 }, 30],
      [{ percent: -2 }, 30],
      [{ percent: '' }, 30],
      [{ percent: null }, 30],
      [{ percent: [45] }, 30],
      [{}, 30],
    ])('is recorded nevertheless: %j', async (wrong, percent) => {
      const { raw, uuid } = await updating();
      raw.socket.send(JSON.stringify({ kind: 'firmware_progress', percent: 30, status: 'before' }));
      const seen = async (): Promise<unknown> => (await history(server, uuid))[0]?.last_status_message;
      await eventually('the first report', async () => (await seen()) === 'before');
      raw.socket.send(JSON.stringify({ kind: 'firmware_progress', status: 'after', ...wrong }));
      await eventually('the second report', async () => (await seen()) === 'after');
      expect((await history(server, uuid))[0]).toMatchObject({
        status: 'in_progress',
        last_percent: percent,
      });
    });
  });
});
