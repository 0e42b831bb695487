// @ts-check
// Plain JavaScript, because connection-worker.js imports it.

/** Name of the SQL function that `addTextContains` adds. */
export const TEXT_CONTAINS = 'text_contains';

/**
 * Folds the case of a text in every alphabet; SQLite itself only folds A to Z.
 *
 * @param {string} text
 * @returns {string}
 */
export function foldCase(text) {
  // At the end of a word, the capital sigma has a different small letter.
  return text.toLowerCase().replaceAll('ς', 'σ');
}

/**
 * Adds `text_contains(text, part)` to a connection: 1 if the text contains the part. The part must be case-folded already.
 *
 * @param {import('better-sqlite3').Database} connection
 * @returns {void}
 */
export function addTextContains(connection) {
  connection.function(TEXT_CONTAINS, { deterministic: true }, (text, part) =>
    typeof text === 'string' && typeof part === 'string' && foldCase(text).includes(part) ? 1 : 0,
  );
}
