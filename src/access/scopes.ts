/** What a key may be good for. `admin` includes all the others. */
export const SCOPES = ['read', 'firmware:write', 'rollouts:write', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

// The most particular path first. What no line names is for an admin: a new endpoint is closed until somebody opens it here.
const RULES: ReadonlyArray<readonly [methods: string, path: RegExp, scope: Scope]> = [
  ['*', /^\/api\/(?:keys|audit)(?:\/|$)/, 'admin'],
  ['POST PATCH DELETE', /^\/api\/firmware(?:\/|$)/, 'firmware:write'],
  ['POST PATCH DELETE', /^\/api\/rollouts(?:\/|$)/, 'rollouts:write'],
  ['GET HEAD', /^\/(?:api|docs|openapi\.json|metrics)(?:\/|$)/, 'read'],
];

/** The scope that a management request needs. */
export function requiredScope(method: string, path: string): Scope {
  const rule = RULES.find(
    ([methods, pattern]) => (methods === '*' || methods.split(' ').includes(method)) && pattern.test(path),
  );
  return rule?.[2] ?? 'admin';
}

/** True where scopes that were given include the one that is needed; who may write may read what is to be written to. */
export function allows(given: readonly Scope[], needed: Scope): boolean {
  return given.includes('admin') || given.includes(needed) || (needed === 'read' && given.length > 0);
}
