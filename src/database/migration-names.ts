/** The migrations' names in order, for code that must not load the migrations and, with them, the framework. */
export const MIGRATION_NAMES = ['Initial1760000000000'] as const;
