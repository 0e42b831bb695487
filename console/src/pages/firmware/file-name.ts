const VERSION =
  /(?:^|[^0-9A-Za-z.])v?(\d+\.\d+(?:\.\d+)?(?:-(?:alpha|beta|canary|dev|pre|preview|rc)(?:[.-]?[0-9A-Za-z]+)*)?)(?=$|[^0-9A-Za-z.])/i;
const BOARD = /(?:^|[^0-9a-z])(esp(?:8266|32(?:-?[chps]\d+)?))(?=$|[^0-9a-z])/i;

/** What the name of a file such as `paperminder-1.5.0.bin` or `paperminder-esp32-1.5.0.bin` says; '' if it says nothing. */
export function guess(fileName: string): { version: string; platform: string } {
  const name = fileName.replace(/(?:\.[a-z]{2,4})+$/i, '');
  const platform = BOARD.exec(name)?.[1]?.toLowerCase() ?? '';
  // A board behind the version must not be taken for a part of it.
  const rest = platform === '' ? name : name.replace(BOARD, '_');
  return { version: VERSION.exec(rest)?.[1] ?? '', platform };
}
