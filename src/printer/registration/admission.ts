import { timingSafeEqual } from 'node:crypto';
import { sha256Of } from '../../common/digest.js';
import { PrinterRefusedError } from '../../common/errors.js';
import type { RegistrationMode } from '../../config/config.js';
import type { RegistrationStatus } from './registration.entity.js';

/** The settings that decide who may connect as a printer. */
export interface RegistrationPolicy {
  readonly registration: RegistrationMode;
  readonly requirePrinterKey: boolean;
}

/** What is stored about a registered printer. */
export interface RegisteredPrinter {
  /** Null if it has shown no secret yet. */
  keyHash: string | null;
  blocked: boolean;
}

/** What is stored about a printer that has asked to be registered. */
export interface RegistrationRequest {
  status: RegistrationStatus;
  /** Null if it asked without a secret. */
  keyHash: string | null;
}

/**
 * Decides whether a client may connect as a printer (docs/SECURITY.md): it needs that printer's secret, and the printer must not be
 * blocked.
 *
 * @param keyHash SHA-256 of the client's secret (`keyHashOf`); null if it sends none
 * @param registered null if the printer is not registered
 * @param request null if it has not asked to be registered registered
 * @returns null if it may, else the refusal that the printer is told
 */
export function admissionRefusal(
  keyHash: string | null,
  registered: RegisteredPrinter | null,
  request: RegistrationRequest | null,
  policy: RegistrationPolicy,
): PrinterRefusedError | null {
  const refusal = registered === null ? newPrinterRefusal(keyHash, request, policy) : null;
  if (refusal !== null) return refusal;
  if (registered?.blocked === true)
    return new PrinterRefusedError('blocked', 'an operator has blocked this printer');
  if (registered?.keyHash != null) return isSameKey(registered.keyHash, keyHash) ? null : wrongKey();
  if (keyHash !== null || !policy.requirePrinterKey) return null;
  return new PrinterRefusedError('unauthorized', 'this server requires an api_key as well as a printer_id');
}

/** The SHA-256 of a printer's secret, which is all that is stored of it. */
export function keyHashOf(secret: string): string {
  return sha256Of(secret);
}

function newPrinterRefusal(
  keyHash: string | null,
  request: RegistrationRequest | null,
  { registration }: RegistrationPolicy,
): PrinterRefusedError | null {
  if (registration === 'open') return null;
  if (registration === 'closed')
    return new PrinterRefusedError('registration_closed', 'this server does not accept new printers');
  if (request?.status === 'rejected')
    return new PrinterRefusedError('registration_closed', 'an operator has rejected this printer');
  if (request?.keyHash != null && !isSameKey(request.keyHash, keyHash)) return wrongKey();
  if (request?.status === 'accepted') return null;
  return new PrinterRefusedError('approval_pending', 'an operator has not accepted this printer yet');
}

function isSameKey(known: string, shown: string | null): boolean {
  return shown !== null && timingSafeEqual(Buffer.from(known), Buffer.from(shown));
}

function wrongKey(): PrinterRefusedError {
  return new PrinterRefusedError(
    'unauthorized',
    'this printer is known with another api_key; an operator can reset it',
  );
}
