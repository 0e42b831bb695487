import { Invalid } from './errors.js';

// Nothing that we read is nested deeper than a list in a target in a body.
const MAX_DEPTH = 10;
// Nothing that we read has more than some ten; validators need seconds for a hundred thousand.
const MAX_FIELDS = 100;
/** Longest list in a request. A longer one is a job for channels: it would be sent, parsed and stored with every rollout. */
export const MAX_LIST = 10_000;
// In a pattern that knows characters, only a half that stands alone is a surrogate. SQLite would keep another text.
const HALF_A_CHARACTER = /\p{Surrogate}/u;

/**
 * Refuses what no request means and what harms those who read it: values nested or listed without end, keys that are members of
 * every object (`__proto__`, `constructor`), which validators take for known ones, and texts that are not Unicode.
 *
 * @param name what it is called as a whole
 * @throws Invalid naming the field
 */
export function refuseForeign(value: unknown, name: string): void {
  visit(value, name, null, MAX_DEPTH);
}

/** @param path of the value; null for the whole */
function visit(value: unknown, name: string, path: string | null, depth: number): void {
  const field = path ?? name;
  if (typeof value === 'string') {
    if (HALF_A_CHARACTER.test(value)) throw Invalid.field(field, value, `${field} must be Unicode`);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  if (depth === 0)
    throw Invalid.field(field, undefined, `${field} is nested more than ${MAX_DEPTH} levels deep`);
  if (Array.isArray(value)) {
    if (value.length > MAX_LIST) throw tooMany(field, value.length, MAX_LIST, 'elements');
    for (const inner of value) visit(inner, name, path, depth - 1);
    return;
  }
  const entries = Object.entries(value);
  if (entries.length > MAX_FIELDS) throw tooMany(field, entries.length, MAX_FIELDS, 'fields');
  for (const [key, inner] of entries) {
    const innerPath = path === null ? key : `${path}.${key}`;
    if (key in Object.prototype || HALF_A_CHARACTER.test(key))
      throw Invalid.field(innerPath, undefined, `${innerPath} is not a known field`);
    visit(inner, name, innerPath, depth - 1);
  }
}

/** With their number for a value: the value itself may be as long as a request. */
function tooMany(field: string, count: number, most: number, what: string): Invalid {
  return Invalid.field(field, count, `${field} must contain no more than ${most} ${what}`);
}
