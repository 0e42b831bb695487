/** A statement as PostgreSQL prepares it. */
export interface Translated {
  /** Name of the prepared statement on each connection. */
  name: string;
  text: string;
  /** For each placeholder: true if its value is JSON. */
  isJson: boolean[];
}

const TYPES: Readonly<Record<string, string>> = {
  integer: 'bigint',
  text: 'text',
  boolean: 'boolean',
  instant: 'timestamptz(3)',
};

// What the helpers in sql.ts and the texts themselves write for SQLite, and how PostgreSQL says it. The order matters.
const REPLACEMENTS: ReadonlyArray<[RegExp, string | ((...match: string[]) => string)]> = [
  [/IN \(SELECT value FROM json_each\(\?\) \/\*integer\*\/\)/g, `= ANY (translate(?, '[]', '{}')::bigint[])`],
  [
    /IN \(SELECT value FROM json_each\(\?\) \/\*text\*\/\)/g,
    '= ANY (ARRAY(SELECT jsonb_array_elements_text(?::jsonb)))',
  ],
  [
    /json_extract\(value, '\$\[(\d+)\]' \/\*(\w+)\*\/\)/g,
    (_, index = '', type = '') => `(value ->> ${index})::${TYPES[type]}`,
  ],
  [
    /EXISTS \(SELECT 1 FROM json_each\(([\w.]+)\) WHERE value = ([\w.?]+)\)/g,
    '$1::jsonb @> to_jsonb($2::bigint)',
  ],
  [/FROM json_each\(\?\)/g, 'FROM jsonb_array_elements(?::jsonb)'],
  [/\? \/\*instant\*\//g, '?::timestamptz(3)'],
  // Unary plus keeps SQLite from using an index. PostgreSQL has its statistics for that, and no such operator for texts.
  [/(?<=[\s(])\+(?=[a-z])/g, ''],
  // The column has the collation "C", in which lower() folds A to Z only, as NOCASE does.
  [/(\(\w+\)|\w+) COLLATE NOCASE/g, 'lower($1)'],
  [/ LIKE /g, ' ILIKE '],
  [/\binstr\(/g, 'strpos('],
];

const cache = new Map<string, Translated>();

/** Translates a statement for PostgreSQL; each text once. */
export function translate(text: string): Translated {
  let translated = cache.get(text);
  if (translated === undefined) {
    translated = { name: `s${cache.size + 1}`, ...numbered(replaced(text)) };
    cache.set(text, translated);
  }
  return translated;
}

function replaced(text: string): string {
  // String.replace has an overload for each kind of replacement, but none for both.
  return REPLACEMENTS.reduce(
    (result, [pattern, by]) =>
      typeof by === 'string' ? result.replace(pattern, by) : result.replace(pattern, by),
    text,
  );
}

function numbered(text: string): Pick<Translated, 'text' | 'isJson'> {
  const isJson: boolean[] = [];
  const result = text.replace(/\?(::jsonb?)?/g, (_, cast: string | undefined) => {
    isJson.push(cast !== undefined);
    return `$${isJson.length}${cast ?? ''}`;
  });
  return { text: result, isJson };
}
