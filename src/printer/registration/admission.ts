import { createHash, timingSafeEqual } from 'node:crypto';
import { PrinterRefusedError } from '../../common/errors.js';
import type { RegistrationMode } from '../../config/config.js';
import type { RegistrationStatus } from './registration.entity.js';

/** Who may speak for a printer, by the settings. */
export interface RegistrationPolicy {
  readonly registration: RegistrationMode;
  readonly requirePrinterKey: boolean;
}

/** What is on record of a printer that is registered. */
export interface RegisteredPrinter {
  /** Null if it has shown no secret yet. */
  keyHash: string | null;
  blocked: boolean;
}

/** What is on record of a printer that has asked to be registered. */
export interface RegistrationRequest {
  status: RegistrationStatus;
  /** Null if it asked without a secret. */
  keyHash: string | null;
}

/**
 * Decides whether somebody may speak for a printer (docs/SECURITY.md): each for itself alone, and none that an operator has blocked.
 *
 * @param keyHash SHA-256 of the secret that is shown (`keyHashOf`); null for none
 * @param registered null if the printer is not registered
 * @param request null if it has not asked to be
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
  return new PrinterRefusedError(
    'unauthorized',
    'this server asks every printer for an api_key beside its printer_id',
  );
}

/** What is kept of a printer's secret. */
export function keyHashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

function newPrinterRefusal(
  keyHash: string | null,
  request: RegistrationRequest | null,
  { registration }: RegistrationPolicy,
): PrinterRefusedError | null {
  if (registration === 'open') return null;
  if (registration === 'closed')
    return new PrinterRefusedError('registration_closed', 'this server takes no new printers');
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
