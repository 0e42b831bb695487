const BLANK = /[\s\p{Cc}]/u;

/**
 * A text without the white space, control characters and byte order mark at its ends. Boards send C strings with the NUL that ends
 * them, and lines with their line feed.
 *
 * Takes time in proportion to the length: a regular expression that ends in `+$` takes its square, and a frame of blanks would stop
 * the event loop.
 */
export function trimBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && BLANK.test(text.charAt(start))) start += 1;
  while (end > start && BLANK.test(text.charAt(end - 1))) end -= 1;
  return text.slice(start, end);
}
