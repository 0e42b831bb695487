/** Something wrong with what a printer sent when it last subscribed. */
export interface PrinterProblem {
  /** Name of the field on the wire. */
  field: string;
  /** The value as sent, as text and possibly shortened; null if it must not be shown (a secret). */
  value: string | null;
  /** What is wrong, in words. */
  message: string;
  /** When the field was first wrong; it has been wrong in every subscribe since. */
  since: Date;
}

/** A problem of the subscribe that is being handled. */
export type FoundProblem = Omit<PrinterProblem, 'since'>;

interface StoredProblem extends FoundProblem {
  since: string;
}

/** Parses the problems that `mergeProblems` wrote. */
export function problemsOf(text: string | null): PrinterProblem[] {
  return stored(text).map(({ since, ...problem }) => ({ ...problem, since: new Date(since) }));
}

/**
 * The problems of a printer after a subscribe, as they are stored.
 *
 * @param before those of the previous subscribe, as stored
 * @param found those of this one, at most one for each field
 * @returns null if there are none
 */
export function mergeProblems(
  before: string | null,
  found: readonly FoundProblem[],
  now: Date,
): string | null {
  if (found.length === 0) return null;
  const since = new Map(stored(before).map((problem) => [problem.field, problem.since]));
  const merged = found.map(({ field, value, message }): StoredProblem => ({
    field,
    value,
    message,
    since: since.get(field) ?? now.toISOString(),
  }));
  return JSON.stringify(merged);
}

/** The key that counts printers with a problem in any field. */
export const ANY_FIELD = 'any';

/** The keys that a printer is counted under in `ProblemCounts`: the fields it has problems with, and `ANY_FIELD` if there are any. */
export function problemFieldsOf(text: string | null): string[] {
  return text === null ? [] : [ANY_FIELD, ...new Set(stored(text).map(({ field }) => field))];
}

function stored(text: string | null): StoredProblem[] {
  return text === null ? [] : (JSON.parse(text) as StoredProblem[]);
}
