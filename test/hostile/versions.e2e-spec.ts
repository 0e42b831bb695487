import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RolloutResponse } from '../../src/rollout/http/dto/rollout-response.dto.js';
import type { FirmwareResponse } from '../../src/firmware/firmware-response.dto.js';
import { details, expectStatus, roll, upload, uploadForm } from '../support/factories.js';
import type { ProblemBody } from '../support/factories.js';
import { RawSocket } from '../support/raw-socket.js';
import { TestServer } from '../support/server.js';
import { expectNothingIncoming, expectStillWorks } from '../support/still-works.js';

const VERSIONS = [
  '9007199254740992.0.0',
  '1.9007199254740993.0',
  '1.5.9007199254740993',
  '1.5.18446744073709551616',
  '1.5.0-9007199254740993',
  '1.5.0-rc.9007199254740993',
  '1.5.1e3',
  '01.5.0',
  '1.05.0',
  '1.5.00',
  '01.5',
  '1.5.0-01',
  '1.5.0-rc.007',
  '-1.5.0',
  '1.-5.0',
  '1',
  'v1',
  'vv1.5.0',
  'V1.5.0',
  '=1.5.0',
  '^1.5.0',
  '>=1.5.0',
  '1.5.x',
  '1.5.*',
  '1.5.0.0',
  '1..5',
  '1.5.0-',
  '1.5.0-rc..1',
  '1.5.0+build',
  '1.5.0-rc+1',
  ' 1.5.0',
  '1.5.0 ',
  '1.5.0\n',
  '1.5.0\t',
  '1.5.0\u00a0',
  '1.5.0\u200b',
  '\ufeff1.5.0',
  '\u202e0.5.1',
  '１.５.０',
  '١.٥.٠',
  '१.५.०',
  '1․5․0',
  '1。5。0',
  '1.5.0-β',
  '1.5.0-ｒｃ',
  '1.5.0-rc\u0301',
  '1.5.0-🖨',
  '²·⁵·⁰',
  '1,5,0',
  '9'.repeat(10_000),
  `1.5.0-${'a'.repeat(10_000)}`,
  `1.5.0-${'a.'.repeat(5_000)}a`,
  `1.5.0-${'a'.repeat(59)}`,
  `${'1.'.repeat(5_000)}0`,
];

describe('A version that is none', () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await TestServer.start();
    await upload(server, '1.5.0');
  });
  afterAll(() => server.stop());

  function expectRefused(answer: { status: number; body: ProblemBody }, field: string, value: string): void {
    expect(answer.body).toMatchObject({ status: 400, errors: [{ field, value }] });
    expect(answer.body.detail).toContain(field);
    expect(answer.body.detail.length).toBeLessThan(300);
  }

  const cases = VERSIONS.map((version): [string, string] => [
    version.length > 100 ? `${version.slice(0, 10)}… (${version.length} characters)` : version,
    version,
  ]);

  it.each(cases)('is refused in an upload, in a rollout and in a look-up: %j', async (_what, version) => {
    for (const field of ['version', 'min_upgrade_version']) {
      const form = uploadForm({ version: '9.9.9', [field]: version });
      // Forms end their lines as CR LF.
      const value = version.replace('\n', '\r\n');
      expectRefused(await server.request<ProblemBody>('POST', '/api/firmware/upload', form), field, value);
    }
    const good = { firmware_version: '1.5.0', rollout_type: 'immediate', target: { all: true } };
    for (const [field, body] of [
      ['firmware_version', { ...good, firmware_version: version }],
      ['target.min_version', { ...good, target: { all: true, min_version: version } }],
      ['target.max_version', { ...good, target: { all: true, max_version: version } }],
    ] as const) {
      expectRefused(await server.request<ProblemBody>('POST', '/api/rollouts', body), field, version);
    }
    const encoded = encodeURIComponent(version);
    for (const [field, path] of [
      ['version', `/api/firmware/${encoded}`],
      ['version', `/api/firmware/download/${encoded}`],
      ['firmware_version', `/api/printers?firmware_version=${encoded}`],
    ] as const) {
      expectRefused(await server.request<ProblemBody>('GET', path), field, version);
    }
  });

  it.each(cases)(
    'costs a printer that says it neither its connection nor its update: %j',
    async (_what, version) => {
      const raw = await RawSocket.open(server);
      const hello = { printer_name: 'x', printer_id: randomUUID(), firmware_version: '1.4.0' };
      expect((await raw.ask(hello)).code).toBe('subscription_accepted');
      const answer = await raw.ask({ ...hello, firmware_version: version });
      expect(answer.code).toBe('subscription_accepted');
      expect(JSON.stringify(answer).length).toBeLessThan(1_024);
      const record = await details(server, hello.printer_id);
      // Blanks around it and build metadata do not count; nothing else is guessed.
      const readable = /^\s*1\.5\.0(?:-rc)?(?:\+\w+)?\s*$/.test(version)
        ? version.trim().split('+')[0]!
        : null;
      expect(record.firmware_version).toBe(readable);
      if (readable === null) {
        expect([...record.reported_version!].length).toBeLessThanOrEqual(64);
        expect(record.problems).toMatchObject([{ field: 'firmware_version' }]);
      }
      for (const kind of ['firmware_complete', 'firmware_declined']) {
        const refusal = await raw.ask({ kind, version });
        expect(refusal).toMatchObject({
          code: 'validation_error',
          detail: expect.stringContaining('no update'),
        });
        expect(JSON.stringify(refusal).length).toBeLessThan(1_024);
      }
      raw.socket.close();
    },
  );

  it('has left nothing behind, and the largest that is one keeps its place', async () => {
    await expectNothingIncoming(server);
    expect(await server.request('GET', '/api/rollouts')).toMatchObject({ body: { rollouts: [] } });
    const most = Number.MAX_SAFE_INTEGER;
    const versions = [
      `${most}.${most}.${most}`,
      `${most}.${most}.0-${most}`,
      `${most}.${most}.0-${most - 1}`,
      `1.5.0-${'a'.repeat(58)}`,
    ];
    for (const version of versions) await upload(server, version);
    const list = expectStatus(await server.request<FirmwareResponse[]>('GET', '/api/firmware'), 200);
    expect(list.map(({ version }) => version)).toEqual([...versions.slice(0, 3), '1.5.0', versions[3]]);
    const bounds = { all: true, min_version: versions[2], max_version: versions[0] };
    const created: RolloutResponse = await roll(server, versions[0]!, { target: bounds });
    expect(created).toMatchObject({ min_version: versions[2], max_version: versions[0] });
    const raw = await RawSocket.open(server);
    const hello = { printer_name: 'x', printer_id: randomUUID(), firmware_version: versions[1] };
    expect((await raw.ask(hello)).code).toBe('subscription_accepted');
    expect((await details(server, hello.printer_id)).firmware_version).toBe(versions[1]);
    raw.socket.close();
    await expectStillWorks(server);
  });
});
