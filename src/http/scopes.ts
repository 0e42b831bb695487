// Apart from route-access.ts, so that the command line need not load what draws the OpenAPI document.

/** What a key may be good for. `admin` includes all the others. */
export const SCOPES = ['read', 'firmware:write', 'rollouts:write', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];
