type Query = Record<string, string | number | boolean | null | undefined>;

/** A path with its non-empty parameters. */
export function address(path: string, query: Query): string {
  const given = Object.entries(query).filter(([, value]) => value != null && value !== '');
  const parameters = new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
  return parameters.size === 0 ? path : `${path}?${parameters.toString()}`;
}
