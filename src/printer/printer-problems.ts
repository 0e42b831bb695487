/** Something wrong with what a printer sent when it last subscribed. */
export interface PrinterProblem {
  /** Name of the field on the wire. */
  field: string;
  /** What was sent, as text and cut short; null if it must not be repeated (a secret). */
  value: string | null;
  /** What is wrong, in words. */
  message: string;
  /** When it was noticed first, while the same field stays wrong without a break. */
  since: Date;
}

/** A problem of the subscribe that is being handled. */
export type FoundProblem = Omit<PrinterProblem, 'since'>;

interface StoredProblem extends FoundProblem {
  since: string;
}

/** The problems that `mergeProblems` wrote. */
export function problemsOf(text: string | null): PrinterProblem[] {
  return stored(text).map(({ since, ...problem }) => ({ ...problem, since: new Date(since) }));
}

/**
 * The problems of a printer after a subscribe, as they are stored.
 *
 * @param before those of the subscribe before, as stored
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

/** Stands for the printers that have a problem with any field. */
export const ANY_FIELD = 'any';

/** The fields that a printer is counted under in `ProblemCounts`: those that it has a problem with, and `ANY_FIELD` if there are any. */
export function problemFieldsOf(text: string | null): string[] {
  return text === null ? [] : [ANY_FIELD, ...new Set(stored(text).map(({ field }) => field))];
}

function stored(text: string | null): StoredProblem[] {
  return text === null ? [] : (JSON.parse(text) as StoredProblem[]);
}
