import { hash } from 'node:crypto';

/** Number of buckets: one for each per cent. */
export const BUCKETS = 100;

/**
 * The bucket of a printer in gradual rollouts, 0 to 99: the MD5 digest of its lower-case UUID text, read as one big-endian 128-bit number,
 * modulo 100 (printer protocol, "Test vectors for the gradual bucket").
 */
export function bucketOf(uuid: string): number {
  // Many rollouts ask for the same printer in sequence, so its hash is computed once.
  if (uuid !== last.uuid) {
    const digest = hash('md5', uuid.toLowerCase(), 'buffer');
    last = { uuid, bucket: digest.reduce((remainder, byte) => (remainder * 256 + byte) % BUCKETS, 0) };
  }
  return last.bucket;
}

let last = { uuid: '', bucket: -1 };
