import { hash } from 'node:crypto';

/** A UUID that depends only on its arguments, so that the same seed gives the same fleet. RFC 9562 §5.8, version 8. */
export function uuidFrom(seed: string, kind: string, index: number): string {
  const hex = hash('sha256', `${seed}/${kind}/${index}`, 'hex');
  const variant = ((parseInt(hex.charAt(16), 16) & 0x3) | 0x8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** A number in [0, 1) that depends only on its arguments. */
export function fractionFrom(seed: string, kind: string, index: number): number {
  return hash('sha256', `${seed}/${kind}/${index}`, 'buffer').readUInt32BE(0) / 2 ** 32;
}
