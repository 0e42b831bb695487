import type { Database } from 'better-sqlite3';

/** Name of the SQL function that `addTextContains` adds. */
export const TEXT_CONTAINS = 'text_contains';

/** A text without its case, in every alphabet; SQLite itself knows only A to Z. */
export function foldCase(text: string): string {
  // At the end of a word, the capital sigma becomes another small letter.
  return text.toLowerCase().replaceAll('ς', 'σ');
}

/** Adds `text_contains(text, part)` to a connection: 1 if the text contains the part, whose case has been folded. */
export function addTextContains(connection: Database): void {
  connection.function(TEXT_CONTAINS, { deterministic: true }, (text: unknown, part: unknown) =>
    typeof text === 'string' && typeof part === 'string' && foldCase(text).includes(part) ? 1 : 0,
  );
}
