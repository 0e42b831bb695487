const BLANK = /[\s\p{Cc}]/u;

/**
 * Removes white space, control characters and byte order marks from both ends of a text. Boards send C strings with their terminating NUL,
 * and lines with their line feed.
 *
 * Takes linear time: a regular expression that ends in `+$` takes quadratic time, and a frame of blanks would block the event loop.
 */
export function trimBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && BLANK.test(text.charAt(start))) start += 1;
  while (end > start && BLANK.test(text.charAt(end - 1))) end -= 1;
  return text.slice(start, end);
}
