const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The result of parsing a typed or pasted list. */
export interface UuidList {
  /** Each once, in the order of the list. */
  ids: string[];
  /** Number of duplicates. */
  repeated: number;
  /** Entries that are not UUIDs, and their lines. */
  wrong: Array<{ line: number; text: string }>;
}

/** Reads UUIDs, one in each line; commas, quotation marks and brackets of lists that were pasted do no harm. */
export function readUuids(text: string): UuidList {
  const ids = new Set<string>();
  let found = 0;
  const wrong: UuidList['wrong'] = [];
  text.split(/\r?\n/).forEach((line, index) => {
    for (const word of line.split(/[\s,;"'[\]]+/).filter((one) => one !== '')) {
      if (UUID.test(word)) {
        found += 1;
        ids.add(word.toLowerCase());
      } else wrong.push({ line: index + 1, text: word });
    }
  });
  return { ids: [...ids], repeated: found - ids.size, wrong };
}

const SHOWN = 3;

/** What is wrong with a list; null if nothing is. */
export function uuidProblem({ wrong }: UuidList): string | null {
  if (wrong.length === 0) return null;
  const shown = wrong.slice(0, SHOWN).map(({ line, text }) => `line ${line}: ${shorten(text)}`);
  const more = wrong.length > SHOWN ? `, and ${wrong.length - SHOWN} more` : '';
  return `${wrong.length === 1 ? 'Not a UUID' : 'Not UUIDs'}: ${shown.join('; ')}${more}`;
}

function shorten(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
