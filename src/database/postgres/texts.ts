// PostgreSQL's texts cannot contain U+0000, which a printer's name may (decisions, "Printers"). It is stored as two of a character that
// Unicode reserves for such uses, and that character itself as it and its neighbour: U+FDD0 and U+FDD1 stand for no text.
const MARK = '\uFDD0';
const NUL = MARK + MARK;
const MARK_ITSELF = `${MARK}\uFDD1`;

// In JSON: an escape that stands for itself (`\\`), or one for U+0000 or for half a surrogate pair, which jsonb refuses.
const ESCAPES = /\\(?:\\|u0000|ud[89ab][0-9a-f]{2}(?:\\ud[c-f][0-9a-f]{2})?|ud[c-f][0-9a-f]{2})/g;
const PAIR_LENGTH = 12;

/** A text as PostgreSQL can store it. */
export function toPostgresText(text: string): string {
  if (!text.includes('\0') && !text.includes(MARK)) return text;
  return text.replaceAll(MARK, MARK_ITSELF).replaceAll('\0', NUL);
}

/** A text as it was before `toPostgresText`. */
export function fromPostgresText(text: string): string {
  if (!text.includes(MARK)) return text;
  return text.replaceAll(NUL, '\0').replaceAll(MARK_ITSELF, MARK);
}

/** JSON (of JSON.stringify) whose texts PostgreSQL can store. */
export function toPostgresJson(json: string): string {
  if (!json.includes('\\u') && !json.includes(MARK)) return json;
  return json.replaceAll(MARK, MARK_ITSELF).replace(ESCAPES, (escape) => {
    if (escape === '\\u0000') return NUL;
    return escape === '\\\\' || escape.length === PAIR_LENGTH ? escape : '\uFFFD';
  });
}
