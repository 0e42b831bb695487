import { createPublicKey, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { sha256Of } from '../common/digest.js';

/**
 * A signature in the API: base64 of its 64 bytes (RFC 8032 §5.1.6). The last character carries two bits, so only four characters are
 * canonical.
 */
export const SIGNATURE = /^[A-Za-z0-9+/]{85}[AQgw]==$/;

const PUBLIC_KEY = /^\s*-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----\s*$/;

/** Why a text is not an Ed25519 public key. */
export class InvalidPublicKeyError extends Error {
  /** @param isPublic true if it is a public key of another kind, which may be shown */
  constructor(
    message: string,
    readonly isPublic = false,
  ) {
    super(message);
  }
}

/**
 * Parses a public key in PEM, with any line breaks. Accepts no other format: Node would derive a public key from a private one that was
 * pasted by mistake, and 32 bare bytes may be either.
 *
 * @throws InvalidPublicKeyError
 */
export function readPublicKey(text: string): KeyObject {
  const [, body] = PUBLIC_KEY.exec(text) ?? [];
  const key = body === undefined ? null : fromDer(Buffer.from(body, 'base64'));
  if (key === null) {
    if (text.includes('PRIVATE KEY'))
      throw new InvalidPublicKeyError('must be the public key; keep the private one to yourself');
    throw new InvalidPublicKeyError('must be a public key as PEM, from BEGIN PUBLIC KEY to END PUBLIC KEY');
  }
  if (key.asymmetricKeyType !== 'ed25519')
    throw new InvalidPublicKeyError(`must be an Ed25519 key, and is of type ${key.asymmetricKeyType}`, true);
  return key;
}

/** The canonical PEM text of a key. */
export function pemOf(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'pem' }).toString();
}

/**
 * SHA-256 of the key's SubjectPublicKeyInfo (DER), hexadecimal: `openssl pkey -pubin -in KEY -outform DER
 * sha256sum`.
 */
export function fingerprintOf(key: KeyObject): string {
  return sha256Of(key.export({ type: 'spki', format: 'der' }));
}

/**
 * True if the signature was made over exactly these bytes with the private half of the key. Ed25519 (RFC 8032 §5.1) reads the message as a
 * whole; the check runs in a thread pool.
 *
 * @param signature in the format of `SIGNATURE`
 */
export function isSignedBy(key: KeyObject, message: Buffer, signature: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    verify(null, message, key, Buffer.from(signature, 'base64'), (error, valid) =>
      error ? reject(error) : resolve(valid),
    );
  });
}

function fromDer(der: Buffer): KeyObject | null {
  try {
    return createPublicKey({ key: der, format: 'der', type: 'spki' });
  } catch {
    return null;
  }
}
