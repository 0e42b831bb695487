import { ValidationError } from '../../common/errors.js';
import { isDigits } from '../../http/query-fields.js';
import type { KeyColumn, Position } from './keyset.js';
import type { Printer } from '../printer.entity.js';

export const SORTS = ['id', 'name', 'firmware_version'] as const;
export const ORDERS = ['asc', 'desc'] as const;

/** The order of a list of printers; ties are sorted by number. */
export interface PrinterOrder {
  sort: (typeof SORTS)[number];
  descending: boolean;
}

const COLUMNS: Record<PrinterOrder['sort'], KeyColumn | null> = {
  id: null,
  name: 'name',
  firmware_version: 'version_key',
};

/** The column that is sorted by before the number; null if there is none. */
export function columnOf({ sort }: PrinterOrder): KeyColumn | null {
  return COLUMNS[sort];
}

function positionOf({ sort }: PrinterOrder, printer: Printer): Position {
  const keys = { id: '', name: printer.name, firmware_version: printer.versionKey };
  return { key: keys[sort], id: printer.id };
}

/** The cursor of the page after this printer, for `decodeCursor`: its number in the default order, otherwise a text. */
export function encodeCursor(order: PrinterOrder, printer: Printer): number | string {
  const { key, id } = positionOf(order, printer);
  if (isUsual(order)) return id;
  return Buffer.from(JSON.stringify([order.sort, order.descending, key, id])).toString('base64url');
}

/**
 * Reads a cursor.
 *
 * @throws ValidationError for one that does not belong to the order
 */
export function decodeCursor(order: PrinterOrder, cursor: string | undefined): Position | null {
  if (cursor === undefined) return null;
  if (isUsual(order) && isDigits(cursor)) return { key: '', id: Number(cursor) };
  const position = isUsual(order) ? null : decode(order, cursor);
  if (position !== null) return position;
  throw ValidationError.field(
    'cursor',
    cursor,
    'cursor must be the next_cursor of a page with the same search, sort and order',
  );
}

function isUsual({ sort, descending }: PrinterOrder): boolean {
  return sort === 'id' && !descending;
}

function decode(order: PrinterOrder, cursor: string): Position | null {
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    return null;
  }
  if (!Array.isArray(parts) || parts.length !== 4) return null;
  const [sort, descending, key, id] = parts as unknown[];
  if (sort !== order.sort || descending !== order.descending) return null;
  if (typeof key !== 'string' || !Number.isSafeInteger(id)) return null;
  return { key, id: Number(id) };
}
