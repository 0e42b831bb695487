import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CHANNELS } from '../src/common/channel.js';
import { versionKey } from '../src/common/version.js';
import { Database } from '../src/database/database.js';
import { PrinterDeltas } from '../src/printer/counts/printer-deltas.js';
import { PrinterCounts } from '../src/printer/counts/printer-counts.js';
import { Presence } from '../src/printer/presence.js';
import type { PrinterListResponse } from '../src/printer/list/printer-list.dto.js';
import { Printer } from '../src/printer/printer.entity.js';
import { PrinterUpdate } from '../src/rollout/store/entities/printer-update.entity.js';
import { expectStatus, roll, upload } from './support/factories.js';
import { propertyRuns } from './support/property-runs.js';
import { TestServer } from './support/server.js';
import { POSTGRES } from './support/test-database.js';

const RESTART_NUMBERS =
  POSTGRES === undefined ? 'DELETE FROM sqlite_sequence' : 'ALTER SEQUENCE printer_id_seq RESTART';

// Stands for the connection of every printer.
const CONNECTION = {};
const USERS = ['550e8400-e29b-41d4-a716-446655440000', '660e8400-e29b-41d4-a716-446655440001'];
const VERSIONS = ['1.4.0', '1.5.0-beta.2', '1.5.0-beta.10', '1.5.0', '1.10.0'];
const PLATFORMS = ['esp8266', 'esp32'];
const BEGINS = ['00000000-0000-4000', 'abcdef01-2345-4000', '12345678-9abc-4000'];
const NOW = new Date('2025-01-01T00:00:00Z');

const PAST = [
  'none',
  'failed',
  'failed, then completed',
  'failed, then retried',
  'under way',
  'reported',
] as const;

type Row = Omit<Printer, 'id'> & { online: boolean; past: (typeof PAST)[number] };
type Query = Record<string, string>;

// Letters of both cases, of more bytes and of more units, and those that mean something to SQL.
const letter = fc.constantFrom(
  'a',
  'A',
  'b',
  '1',
  '2',
  '%',
  '_',
  '\\',
  ' ',
  'ä',
  'Ä',
  'Σ',
  'ς',
  '\u{1F5A8}',
  '\uFFFD',
);
const name = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.array(letter, { minLength: 1, maxLength: 3 }).map((letters) => letters.join('')),
  },
  { weight: 1, arbitrary: fc.constantFrom('12345678', 'ABCDEF01-2') },
);
const row = fc
  .record({
    name,
    begin: fc.constantFrom(...BEGINS),
    userId: fc.constantFrom(...USERS),
    platform: fc.option(fc.constantFrom(...PLATFORMS), { nil: null }),
    firmwareVersion: fc.option(fc.constantFrom(...VERSIONS), { nil: null }),
    autoUpdate: fc.boolean(),
    updateChannel: fc.constantFrom(...CHANNELS),
    blocked: fc.boolean(),
    hasProblems: fc.boolean(),
    online: fc.boolean(),
    past: fc.constantFrom(...PAST),
  })
  .map(({ begin, ...rest }) => ({ begin, rest }));
const fleets = fc.array(row, { maxLength: 60, size: 'max' }).map((drawn) =>
  drawn.map(({ begin, rest }, index): Row => ({
    ...rest,
    uuid: `${begin}-8000-${index.toString(16).padStart(12, '0')}`,
    versionKey: rest.firmwareVersion === null ? '' : versionKey(rest.firmwareVersion),
    versionRolloutId: null,
    previousVersion: null,
    movedBack: null,
    bucket: 0,
    keyHash: null,
    ...problemColumns(rest.hasProblems),
    lastConnected: NOW,
    lastIp: null,
    createdAt: NOW,
  })),
);

const bool = fc.constantFrom('true', 'false');
const searched = fc.oneof(
  letter,
  name,
  fc.integer({ min: 1, max: 25 }).map(String),
  fc.constantFrom(...BEGINS, '12345678', 'abcdef01-', '00000000-0000-4000-8000-00000000000', '1234567'),
);
const filters = fc.record({
  user_id: fc.constantFrom(...USERS),
  online: bool,
  firmware_version: fc.constantFrom(...VERSIONS, 'unknown'),
  channel: fc.constantFrom(...CHANNELS),
  platform: fc.constantFrom(...PLATFORMS),
  auto_update: bool,
  blocked: bool,
  problems: bool,
  failed: bool,
  behind: bool,
  about_to_run: fc.constantFrom('1.5.0', 'v1.5', '1.6.0'),
});
// All filters at once would leave nobody.
const FILTERS = [
  'user_id',
  'online',
  'firmware_version',
  'channel',
  'platform',
  'auto_update',
  'blocked',
  'problems',
  'failed',
  'behind',
  'about_to_run',
] as const;
const queries = fc
  .tuple(
    filters,
    fc.subarray([...FILTERS], { maxLength: 2 }),
    fc.record(
      {
        search: searched,
        sort: fc.constantFrom('id', 'name', 'firmware_version'),
        order: fc.constantFrom('asc', 'desc'),
        limit: fc.integer({ min: 1, max: 9 }).map(String),
      },
      { requiredKeys: ['limit'] },
    ),
  )
  .map(([values, chosen, rest]): Query => ({
    ...Object.fromEntries(chosen.map((field) => [field, values[field]])),
    ...(rest as Query),
  }));

/** Columns that go together. */
function problemColumns(hasProblems: boolean): Pick<Row, 'reportedVersion' | 'problems' | 'hasProblems'> {
  return { reportedVersion: null, problems: hasProblems ? '[]' : null, hasProblems };
}

type Known = Row & { id: number };

/** A to Z as a to z, and nothing else. */
const folded = (text: string): string => text.replace(/[A-Z]/g, (one) => one.toLowerCase());

/** Without case, in every alphabet. */
const caseless = (text: string): string => text.toLowerCase().replaceAll('ς', 'σ');

function isFound(one: Known, text: string): boolean {
  if (caseless(one.name).includes(caseless(text))) return true;
  if (/^\d+$/.test(text) && one.id === Number(text)) return true;
  return text.length >= 8 && one.uuid.startsWith(text.toLowerCase());
}

/** The one rollout is of 1.5.0, to the channel stable. */
function isBehind({ updateChannel, firmwareVersion, autoUpdate, blocked }: Known): boolean {
  const isOlder = firmwareVersion !== null && /^(?:1\.4|1\.5\.0-)/.test(firmwareVersion);
  return updateChannel === 'stable' && isOlder && autoUpdate && !blocked;
}

/** What is on record of the updates of a printer. */
function updatesOf({ id, past }: Known): Array<Omit<PrinterUpdate, 'id'>> {
  const update: Omit<PrinterUpdate, 'id'> = {
    rolloutId: 1,
    printerId: id,
    firmwareId: 1,
    version: '1.5.0',
    status: 'failed',
    attempts: 1,
    sendOnResume: false,
    confirmed: false,
    superseded: past === 'failed, then retried',
    errorMessage: 'no space',
    startedAt: NOW,
    completedAt: NOW,
    lastPercent: -1,
    lastStatusMessage: null,
    lastHeard: 0,
    lastSent: 0,
    sequence: 1,
  };
  if (past === 'none') return [];
  const reported = { ...update, status: 'completed', errorMessage: null } as const;
  if (past === 'reported') return [reported];
  if (past === 'under way') return [{ ...reported, status: 'in_progress', completedAt: null }];
  if (past !== 'failed, then completed') return [update];
  return [update, { ...update, rolloutId: 2, status: 'completed', confirmed: true, sequence: 2 }];
}

/** The one update of each printer leads to 1.5.0. */
function isAboutToRun({ past, firmwareVersion, blocked }: Known, version: string): boolean {
  if (past !== 'under way' && past !== 'reported') return false;
  return version !== '1.6.0' && firmwareVersion !== '1.5.0' && !blocked;
}

function isMatch(one: Known, query: Query): boolean {
  const shown: Query = {
    user_id: one.userId,
    online: String(one.online),
    firmware_version: one.firmwareVersion ?? 'unknown',
    channel: one.updateChannel,
    platform: String(one.platform),
    auto_update: String(one.autoUpdate),
    blocked: String(one.blocked),
    problems: String(one.hasProblems),
    failed: String(one.past === 'failed'),
    behind: String(isBehind(one)),
  };
  const filters = Object.entries(query).filter(([field]) => field in shown);
  if (!filters.every(([field, value]) => shown[field] === value)) return false;
  const { about_to_run: arriving } = query;
  if (arriving !== undefined && !isAboutToRun(one, arriving)) return false;
  return query.search === undefined || isFound(one, query.search);
}

/** All that match, in their order: a plain filter and a plain sort. */
function expected(fleet: Known[], query: Query): number[] {
  const sort = query.sort ?? (query.search === undefined ? 'id' : 'name');
  const key = (one: Known): Buffer =>
    Buffer.from(sort === 'name' ? folded(one.name) : sort === 'id' ? '' : one.versionKey);
  const matching = fleet.filter((one) => isMatch(one, query));
  matching.sort((a, b) => Buffer.compare(key(a), key(b)) || a.id - b.id);
  if (query.order === 'desc') matching.reverse();
  return matching.map(({ id }) => id);
}

describe('The pages of printers', () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await TestServer.start();
    await upload(server, '1.5.0');
    await roll(server, '1.5.0', { target: { channels: ['stable'] } });
  });
  afterAll(() => server.stop());

  async function replaceFleet(rows: Row[]): Promise<Known[]> {
    const presence = server.get(Presence);
    for (const id of presence.ids()) presence.disconnected(id, CONNECTION);
    const table = server.get(Database).table(Printer);
    const updates = server.get(Database).table(PrinterUpdate);
    const counts = server.get(PrinterCounts);
    return server.get(Database).write(async (tx) => {
      await tx.sql.run('DELETE FROM printer_update');
      await tx.sql.run('DELETE FROM printer');
      await tx.sql.run('DELETE FROM printer_count');
      await tx.sql.run(RESTART_NUMBERS);
      const deltas = new PrinterDeltas();
      const known: Known[] = [];
      for (const one of rows) {
        const id = await table.insert(tx.sql, one);
        deltas.add(null, { ...one, id });
        if (one.online) presence.connected(id, CONNECTION);
        for (const update of updatesOf({ ...one, id })) await updates.insert(tx.sql, update);
        known.push({ ...one, id });
      }
      await counts.add(tx.sql, deltas);
      return known;
    });
  }

  async function expectPages(fleet: Known[], query: Query): Promise<void> {
    const wanted = expected(fleet, query);
    const limit = Number(query.limit);
    const found: number[] = [];
    let cursor: number | string | null = null;
    do {
      const asked: Record<string, string> = {
        ...query,
        ...(cursor === null ? {} : { cursor: String(cursor) }),
      };
      const path = `/api/printers?${new URLSearchParams(asked).toString()}`;
      const page: PrinterListResponse = expectStatus(await server.request('GET', path), 200);
      expect({ asked, total: page.total }).toEqual({ asked, total: wanted.length });
      const ids = page.printers.map(({ id }) => id);
      expect({ asked, ids }).toEqual({ asked, ids: wanted.slice(found.length, found.length + limit) });
      found.push(...ids);
      cursor = page.next_cursor;
    } while (cursor !== null);
    expect(found).toEqual(wanted);
  }

  it('are those of a plain filter and a plain sort, for any fleet and any query', async () => {
    await fc.assert(
      fc.asyncProperty(fleets, fc.array(queries, { minLength: 6, maxLength: 12 }), async (rows, asked) => {
        const fleet = await replaceFleet(rows);
        for (const query of asked) await expectPages(fleet, query);
      }),
      { numRuns: propertyRuns(60, 150) },
    );
  }, 120_000);

  it('are so, too, if they take many slices', async () => {
    const rows = Array.from({ length: 12_000 }, (_, index): Row => ({
      uuid: `00000000-0000-4000-8000-${index.toString(16).padStart(12, '0')}`,
      // Some thousand have one name, and others one each.
      name: index % 3 === 0 ? 'PaperMinder' : `Printer ${(index * 7_919) % 12_000}`,
      userId: USERS[index % 5 === 0 ? 0 : 1]!,
      platform: PLATFORMS[index % 2]!,
      firmwareVersion: VERSIONS[index % 7] ?? '1.4.0',
      versionKey: versionKey(VERSIONS[index % 7] ?? '1.4.0'),
      versionRolloutId: null,
      previousVersion: null,
      movedBack: null,
      bucket: 0,
      autoUpdate: index % 10 !== 0,
      updateChannel: index % 50 === 0 ? 'beta' : 'stable',
      blocked: index % 100 === 0,
      keyHash: null,
      ...problemColumns(index % 9 === 0),
      lastConnected: NOW,
      lastIp: null,
      createdAt: NOW,
      online: index % 4 === 0,
      past: PAST[index % 60] ?? 'none',
    }));
    const fleet = await replaceFleet(rows);
    const limit = '2500';
    const many: Query[] = [
      {},
      { sort: 'name' },
      { sort: 'name', order: 'desc' },
      { sort: 'firmware_version', order: 'desc' },
      { sort: 'firmware_version', channel: 'stable' },
      { sort: 'name', platform: 'esp32', blocked: 'false' },
      { sort: 'name', channel: 'beta', order: 'desc' },
      { sort: 'name', user_id: USERS[0]!, auto_update: 'true' },
      { sort: 'name', online: 'true' },
      { order: 'desc', online: 'false', auto_update: 'false' },
      { problems: 'true' },
      { sort: 'name', problems: 'true', platform: 'esp8266' },
      { problems: 'false', channel: 'beta' },
      { search: 'PAPER' },
      { search: 'p', order: 'desc', platform: 'esp8266' },
      { search: '99' },
      { search: 'MIND', online: 'false' },
      { failed: 'true' },
      { failed: 'true', sort: 'name', order: 'desc', online: 'false' },
      { failed: 'false', platform: 'esp32', sort: 'name' },
      { behind: 'true', online: 'true', sort: 'name' },
      { behind: 'true', failed: 'false', user_id: USERS[1]! },
      { behind: 'false', sort: 'firmware_version' },
      { search: 'printer 1', sort: 'id' },
      { search: '00000000', sort: 'name' },
      { search: '00000000', online: 'false', user_id: USERS[1]! },
    ];
    for (const query of many) await expectPages(fleet, { ...query, limit });
  }, 240_000);
});
