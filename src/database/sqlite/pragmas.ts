/** How every connection reads. */
export const READER = {
  // In KiB: several times the size of the inner pages at a million printers.
  cache_size: -32 * 1024,
} as const;

/** How the connection that writes is set up; the file itself is in WAL mode. */
export const WRITER = {
  ...READER,
  // FULL, not NORMAL: in WAL mode NORMAL may lose the last commits when the power fails, and a Raspberry Pi loses power. A lost update row
  // would be an update in somebody's home that nobody knows of. Printers' jobs are committed in batches, so that many writes share one
  // flush to the disk.
  synchronous: 'FULL',
  foreign_keys: 'ON',
  // Milliseconds to wait for another process: creating a key on the command line takes some.
  busy_timeout: 500,
} as const;
