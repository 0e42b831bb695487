/** The migrations' names in order, for code that must not load the migrations and, with them, the framework. */
export const MIGRATION_NAMES = [
  'Initial1760000000000',
  'Access1764000000000',
  'Audit1765000000000',
  'Signing1766000000000',
  'Registration1768000000000',
  'Fleet1769000000000',
  'RolloutDetails1769100000000',
  'PrinterSearch1769200000000',
  'PrinterProblems1770100000000',
  'UpdateLife1770200000000',
  'Rollback1770300000000',
  'FirmwareBytes1770400000000',
  'UnconfirmedUpdates1770500000000',
] as const;
