import { createHash } from 'node:crypto';

/**
 * The bucket of a printer in gradual rollouts, 0 to 99: the MD5 digest of its lower-case UUID text, read as one
 * big-endian 128-bit number, modulo 100 (printer protocol, "Test vectors for the gradual bucket").
 */
export function bucketOf(uuid: string): number {
  const digest = createHash('md5').update(uuid.toLowerCase()).digest();
  return digest.reduce((remainder, byte) => (remainder * 256 + byte) % 100, 0);
}
