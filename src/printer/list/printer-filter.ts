import type { Channel } from '../../common/channel.js';
import { isDigits } from '../../http/query-fields.js';
import { isUuid } from '../../common/uuid.js';
import { both } from '../../database/page.js';
import type { Condition } from '../../database/page.js';
import { TEXT_CONTAINS, foldCase } from '../../database/sqlite/text-contains.js';
import type { SelectionName } from './printer-selections.js';
import { inRange, prefixRange, wholeRange } from './keyset.js';
import type { KeyColumn, IndexRange } from './keyset.js';

/** Narrows a list of printers; every filter combines with every other. */
export interface PrinterFilter {
  userId?: string | undefined;
  online?: boolean | undefined;
  /** As `versionKey` makes it. */
  versionKey?: string | undefined;
  channel?: Channel | undefined;
  platform?: string | undefined;
  autoUpdate?: boolean | undefined;
  blocked?: boolean | undefined;
  problems?: boolean | undefined;
  /** Their latest update failed. */
  failed?: boolean | undefined;
  /** An update is due for them. */
  behind?: boolean | undefined;
  /** An update to this version, in its canonical form, is on its way to them. */
  aboutToRun?: string | undefined;
  /** A part of the name; a number, or the begin of a UUID. */
  search?: string | undefined;
}

/** Printers that a filter lets through, in whole or in part: those along a path that meet a condition. */
export interface Part {
  path: IndexRange;
  /** What the path does not see to; null: nothing. */
  condition: Condition | null;
  /** What the index of the path can tell, without a look at its rows; null: nothing. */
  indexed?: Condition | null;
}

type Columns = Exclude<keyof PrinterFilter, 'online' | 'search' | 'aboutToRun' | SelectionName>;

/**
 * What a filter lets through, but for who is online, which the database does not know: by the narrowest paths that there are. No
 * printer is in two parts.
 */
export function partsOf(filter: PrinterFilter): Part[] {
  if (filter.search === undefined) return [narrowest(filter)];
  const condition = conditionOf(filter, []);
  const earlier: Condition[] = [];
  return searchPaths(filter.search).map(({ path, matches, indexed = null }) => {
    const others = earlier.map(({ sql, values }) => ({ sql: `NOT ${sql}`, values }));
    earlier.push(matches);
    return { path, condition: others.reduce<Condition | null>(both, condition), indexed };
  });
}

/** All that a filter lets through, but for who is online, along a path that leads past all printers. */
export function partAlong(key: KeyColumn | null, filter: PrinterFilter): Part {
  const { channel, search } = filter;
  const isIndexed = key === 'version_key' && channel !== undefined;
  const path = wholeRange(key, isIndexed ? equals('update_channel', channel) : null);
  return { path, condition: withSearch(conditionOf(filter, isIndexed ? ['channel'] : []), search) };
}

/** What a filter asks, but for who is online; null: nothing. No index is used for it. */
export function wholeCondition(filter: PrinterFilter): Condition | null {
  return withSearch(conditionOf(filter, []), filter.search);
}

function withSearch(condition: Condition | null, search: string | undefined): Condition | null {
  if (search === undefined) return condition;
  const either = searchPaths(search).map(({ matches }) => matches);
  const sql = `(${either.map((one) => one.sql).join(' OR ')})`;
  return both(condition, { sql, values: either.flatMap((one) => one.values) });
}

function narrowest(filter: PrinterFilter): Part {
  const { userId, blocked, problems, autoUpdate, versionKey, channel } = filter;
  const along = (fixed: Condition, seen: Columns[]): Part => ({
    path: wholeRange(null, fixed),
    condition: conditionOf(filter, seen),
  });
  if (userId !== undefined) return along(equals('user_id', userId), ['userId']);
  // Few are; each has an index of its own, of those alone.
  if (blocked === true) return along({ sql: 'blocked = true', values: [] }, ['blocked']);
  if (problems === true) return along({ sql: 'has_problems = true', values: [] }, ['problems']);
  if (autoUpdate === false) return along({ sql: 'auto_update = false', values: [] }, ['autoUpdate']);
  const version = versionKey === undefined ? null : equals('version_key', versionKey);
  if (channel === undefined) {
    if (version !== null) return along(version, ['versionKey']);
    return { path: wholeRange(null), condition: conditionOf(filter, []) };
  }
  const inChannel = equals('update_channel', channel);
  if (version === null) return along(inChannel, ['channel']);
  return along(both(inChannel, version), ['channel', 'versionKey']);
}

// A plus keeps SQLite from taking an index for it: the path is chosen already.
function conditionOf(filter: PrinterFilter, seen: Columns[]): Condition | null {
  const { userId, versionKey, channel, platform, autoUpdate, blocked, problems } = filter;
  const conditions: Record<Columns, Condition | null> = {
    userId: userId === undefined ? null : equals('+user_id', userId),
    versionKey: versionKey === undefined ? null : equals('+version_key', versionKey),
    channel: channel === undefined ? null : equals('+update_channel', channel),
    platform: platform === undefined ? null : equals('+platform', platform),
    autoUpdate: autoUpdate === undefined ? null : equals('+auto_update', autoUpdate ? 1 : 0),
    blocked: blocked === undefined ? null : equals('+blocked', blocked ? 1 : 0),
    problems: problems === undefined ? null : equals('+has_problems', problems ? 1 : 0),
  };
  for (const column of seen) conditions[column] = null;
  return Object.values(conditions).reduce((all, one) => (one === null ? all : both(all, one)), null);
}

/** True for a text that contains another one, in upper or lower case. */
function containsText(column: string, text: string): Condition {
  // LIKE ignores the case of A to Z alone: it sorts out most, and the function decides on the rest.
  const ascii = text
    .replace(/[%_\\]/g, '\\$&')
    .split(/[\P{ASCII}\0]+/u)
    .join('%');
  const like = { sql: `${column} LIKE ? ESCAPE '\\'`, values: [`%${ascii}%`] };
  const exact = { sql: `${TEXT_CONTAINS}(${column}, ?)`, values: [foldCase(text)] };
  const { sql, values } = isAscii(text) ? like : both(like, exact);
  return { sql: `(${sql})`, values };
}

function isAscii(text: string): boolean {
  return /^[^\P{ASCII}\0]*$/u.test(text);
}

function equals(column: string, value: string | number): Condition {
  return { sql: `${column} = ?`, values: [value] };
}

const NIL_UUID = '00000000-0000-0000-0000-000000000000';
// As much of a UUID as tells its printer from others.
const SHORTEST_BEGIN = 8;

function beginsUuid(text: string): boolean {
  return text.length >= SHORTEST_BEGIN && isUuid(text + NIL_UUID.slice(text.length));
}

/** How a text is looked for: by which index, and what that finds. */
function searchPaths(text: string): Array<{ path: IndexRange; matches: Condition; indexed?: Condition }> {
  // Every name is read, batch by batch from its index alone. An index of all parts of names (FTS5, trigrams) cannot find two letters,
  // and would be paid for with every registration.
  const found: ReturnType<typeof searchPaths> = [
    { path: wholeRange('name'), matches: containsText('+name', text), indexed: containsText('name', text) },
  ];
  if (beginsUuid(text)) {
    const path = prefixRange('uuid', text.toLowerCase());
    found.push({ path, matches: inRange(path) });
  }
  if (isDigits(text))
    found.push({ path: wholeRange(null, equals('id', Number(text))), matches: equals('+id', Number(text)) });
  return found;
}
