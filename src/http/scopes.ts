// Separate from route-access.ts, so that the command line need not load the OpenAPI modules.

/** What a key may be used for. `admin` includes all the others. */
export const SCOPES = ['read', 'firmware:write', 'rollouts:write', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];
