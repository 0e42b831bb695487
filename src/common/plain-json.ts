import { Invalid } from './errors.js';

/**
 * Refuses what no request means and what harms those who read it: values nested without end, and keys that are members of
 * every object (`__proto__`, `constructor`), which validators take for known ones.
 *
 * @param maxDepth how many levels there may be
 * @throws Invalid naming the field
 */
export function refuseForeign(value: unknown, field: string, maxDepth: number): void {
  visit(value, field, maxDepth, maxDepth);
}

function visit(value: unknown, field: string, depth: number, maxDepth: number): void {
  if (typeof value !== 'object' || value === null) return;
  if (depth === 0)
    throw Invalid.field(field, undefined, `${field} is nested more than ${maxDepth} levels deep`);
  const isList = Array.isArray(value);
  for (const [key, inner] of Object.entries(value)) {
    if (!isList && key in Object.prototype) {
      throw Invalid.field(key, undefined, `${key} is not a known field`);
    }
    if (typeof inner === 'object') visit(inner, isList ? field : key, depth - 1, maxDepth);
  }
}
