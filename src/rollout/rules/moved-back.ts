/** Versions that a printer was moved back from, each with the newest rollout that did so. */
export type MovedBack = ReadonlyMap<string, number>;

const NEVER: MovedBack = new Map();

/** Parses the text that `withMove` writes. */
export function parseMovedBack(text: string | null): MovedBack {
  if (text === null) return NEVER;
  return new Map(
    text.split(' ').map((entry) => {
      const at = entry.lastIndexOf('@');
      return [entry.slice(0, at), Number(entry.slice(at + 1))];
    }),
  );
}

/**
 * Adds a move to the text that is stored with a printer, such as `1.5.0@7 1.6.0@9`. Versions are canonical and sorted, so printers with the
 * same history have the same text and count as one kind.
 */
export function withMove(text: string | null, version: string, rolloutId: number): string {
  const moves = new Map(parseMovedBack(text)).set(version, rolloutId);
  return [...moves]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([from, by]) => `${from}@${by}`)
    .join(' ');
}
