import type { AppConfig } from '../../config/config.js';
import { ValidationError } from '../../common/errors.js';

// Maximum fields of an object. Nothing that the server reads has more than about ten; validators take seconds for a hundred thousand.
const MAX_FIELDS = 100;
// Matches lone surrogates only: with the u flag, a pair counts as one character. SQLite would store a different text.
const HALF_A_CHARACTER = /\p{Surrogate}/u;

/** Limits on the size of a value. */
export type JsonLimits = Pick<AppConfig, 'maxJsonDepth' | 'maxTargetIds'>;

/**
 * Rejects input that is never meaningful and harms validators: values nested too deep or lists too long, keys that every object has
 * (`__proto__`, `constructor`), which validators would take for known ones, and texts that are not Unicode.
 *
 * @param name name of the whole value
 * @throws ValidationError naming the field
 */
export function rejectMalformed(value: unknown, name: string, limits: JsonLimits): void {
  visit(value, name, null, limits.maxJsonDepth, limits);
}

/** @param path of the value; null for the whole value */
function visit(value: unknown, name: string, path: string | null, depth: number, limits: JsonLimits): void {
  const field = path ?? name;
  if (typeof value === 'string') {
    if (HALF_A_CHARACTER.test(value)) throw ValidationError.field(field, value, `${field} must be Unicode`);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  if (depth === 0)
    throw ValidationError.field(
      field,
      undefined,
      `${field} is nested more than ${limits.maxJsonDepth} levels deep`,
    );
  if (Array.isArray(value)) {
    // The longest accepted list is that of a target; other lists stay below MAX_FIELDS, even if that setting is lower.
    const most = Math.max(limits.maxTargetIds, MAX_FIELDS);
    if (value.length > most) throw tooMany(field, value.length, most, 'elements');
    for (const inner of value) visit(inner, name, path, depth - 1, limits);
    return;
  }
  const entries = Object.entries(value);
  if (entries.length > MAX_FIELDS) throw tooMany(field, entries.length, MAX_FIELDS, 'fields');
  for (const [key, inner] of entries) {
    const innerPath = path === null ? key : `${path}.${key}`;
    if (key in Object.prototype || HALF_A_CHARACTER.test(key))
      throw ValidationError.field(
        innerPath,
        undefined,
        `${innerPath} is not a known ${name === 'query' ? 'query parameter' : 'field'}`,
      );
    visit(inner, name, innerPath, depth - 1, limits);
  }
}

/** Reports the number of items instead of the value, which may be as long as a request. */
function tooMany(field: string, count: number, most: number, what: string): ValidationError {
  return ValidationError.field(field, count, `${field} must contain no more than ${most} ${what}`);
}
