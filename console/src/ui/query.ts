/** A path of the console with those parameters that have a value. */
export function withQuery(path: string, query: Record<string, string | null | undefined>): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => Boolean(entry[1]));
  const parameters = new URLSearchParams(given);
  return parameters.size === 0 ? path : `${path}?${parameters.toString()}`;
}
