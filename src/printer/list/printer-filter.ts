import type { Channel } from '../../common/channel.js';
import { isDigits } from '../../http/query-fields.js';
import { isUuid } from '../../common/uuid.js';
import { both } from '../../database/page.js';
import type { Condition } from '../../database/page.js';
import { TEXT_CONTAINS, foldCase } from '../../database/sqlite/text-contains.js';
import type { SelectionName } from './printer-selections.js';
import { inRange, prefixRange, wholeRange } from './keyset.js';
import type { KeyColumn, IndexRange } from './keyset.js';

/** Filters of a list of printers; every filter combines with every other. */
export interface PrinterFilter {
  userId?: string | undefined;
  online?: boolean | undefined;
  /** In the format of `versionKey`. */
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
  /** A part of the name, a number, or the beginning of a UUID. */
  search?: string | undefined;
}

/** Some or all of the printers that a filter selects: those in an index range that meet a condition. */
export interface Part {
  range: IndexRange;
  /** What the range alone does not ensure; null if it ensures everything. */
  condition: Condition | null;
  /** A condition that is checked in the index, without reading rows; null if there is none. */
  indexed?: Condition | null;
}

type Columns = Exclude<keyof PrinterFilter, 'online' | 'search' | 'aboutToRun' | SelectionName>;

/**
 * The printers that a filter selects, by the narrowest index ranges; `online` is ignored, because the database does not know it. No printer
 * is in two parts.
 */
export function partsOf(filter: PrinterFilter): Part[] {
  if (filter.search === undefined) return [narrowest(filter)];
  const condition = conditionOf(filter, []);
  const earlier: Condition[] = [];
  return searchRanges(filter.search).map(({ range, matches, indexed = null }) => {
    const others = earlier.map(({ sql, values }) => ({ sql: `NOT ${sql}`, values }));
    earlier.push(matches);
    return { range, condition: others.reduce<Condition | null>(both, condition), indexed };
  });
}

/** The printers that a filter selects, in the order of an index over all printers; `online` is ignored. */
export function partAlong(key: KeyColumn | null, filter: PrinterFilter): Part {
  const { channel, search } = filter;
  const isIndexed = key === 'version_key' && channel !== undefined;
  const range = wholeRange(key, isIndexed ? equals('update_channel', channel) : null);
  return { range, condition: withSearch(conditionOf(filter, isIndexed ? ['channel'] : []), search) };
}

/** The condition of a filter on columns, without `online`; null if there is none. It is written so that SQLite uses no index for it. */
export function wholeCondition(filter: PrinterFilter): Condition | null {
  return withSearch(conditionOf(filter, []), filter.search);
}

function withSearch(condition: Condition | null, search: string | undefined): Condition | null {
  if (search === undefined) return condition;
  const either = searchRanges(search).map(({ matches }) => matches);
  const sql = `(${either.map((one) => one.sql).join(' OR ')})`;
  return both(condition, { sql, values: either.flatMap((one) => one.values) });
}

function narrowest(filter: PrinterFilter): Part {
  const { userId, blocked, problems, autoUpdate, versionKey, channel } = filter;
  const along = (fixed: Condition, seen: Columns[]): Part => ({
    range: wholeRange(null, fixed),
    condition: conditionOf(filter, seen),
  });
  if (userId !== undefined) return along(equals('user_id', userId), ['userId']);
  // Few printers match; each of these filters has a partial index.
  if (blocked === true) return along({ sql: 'blocked = true', values: [] }, ['blocked']);
  if (problems === true) return along({ sql: 'has_problems = true', values: [] }, ['problems']);
  if (autoUpdate === false) return along({ sql: 'auto_update = false', values: [] }, ['autoUpdate']);
  const version = versionKey === undefined ? null : equals('version_key', versionKey);
  if (channel === undefined) {
    if (version !== null) return along(version, ['versionKey']);
    return { range: wholeRange(null), condition: conditionOf(filter, []) };
  }
  const inChannel = equals('update_channel', channel);
  if (version === null) return along(inChannel, ['channel']);
  return along(both(inChannel, version), ['channel', 'versionKey']);
}

// Unary plus keeps SQLite from using another index: the range is chosen already.
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

/** A case-insensitive search for a part of a text. */
function containsText(column: string, text: string): Condition {
  // LIKE ignores case only for A to Z: it excludes most rows quickly, and the function decides on the others.
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
// Minimum characters of a UUID that identify a printer.
const MIN_UUID_PREFIX = 8;

function beginsUuid(text: string): boolean {
  return text.length >= MIN_UUID_PREFIX && isUuid(text + NIL_UUID.slice(text.length));
}

/** The index ranges that are searched for a text, and what matches in each. */
function searchRanges(text: string): Array<{ range: IndexRange; matches: Condition; indexed?: Condition }> {
  // Every name is read, slice by slice, from its index alone. A full-text index (FTS5, trigrams) cannot find two letters, and would make
  // every registration slower.
  const found: ReturnType<typeof searchRanges> = [
    { range: wholeRange('name'), matches: containsText('+name', text), indexed: containsText('name', text) },
  ];
  if (beginsUuid(text)) {
    const range = prefixRange('uuid', text.toLowerCase());
    found.push({ range, matches: inRange(range) });
  }
  if (isDigits(text))
    found.push({ range: wholeRange(null, equals('id', Number(text))), matches: equals('+id', Number(text)) });
  return found;
}
