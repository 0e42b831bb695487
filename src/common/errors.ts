/** One problem with one field of a request or a message. */
export interface FieldError {
  /** Path of the field as in the JSON, e.g. `target.min_version`. */
  field: string;
  /** The rejected value. */
  value: unknown;
  /** What is wrong with the value. */
  message: string;
}

/**
 * Base of the errors that services throw when a rule forbids something. Independent of HTTP, because cron jobs and sockets handle them too.
 */
export abstract class DomainError extends Error {
  override get name(): string {
    return this.constructor.name;
  }
}

/** The requested object does not exist. */
export class NotFoundError extends DomainError {}

/** The request is well-formed, but conflicts with the current state. */
export class ConflictError extends DomainError {}

/** Authentication failed: a key is missing or invalid. */
export class UnauthorizedError extends DomainError {
  /** @param inBrowser true if a browser may ask its user for the key */
  constructor(
    message: string,
    readonly inBrowser = false,
  ) {
    super(message);
  }
}

/** The request carries an invalid key. */
export class InvalidKeyError extends UnauthorizedError {}

/** The caller has sent too many requests. */
export class RateLimitError extends DomainError {
  /** @param retryAfter seconds until the caller may try again */
  constructor(
    message: string,
    readonly retryAfter: number,
  ) {
    super(message);
  }
}

/** The caller is authenticated, but lacks permission. */
export class ForbiddenError extends DomainError {}

/** A printer is refused. */
export class PrinterRefusedError extends DomainError {
  constructor(
    readonly code:
      'unauthorized' | 'blocked' | 'registration_closed' | 'approval_pending' | 'registration_limited',
    message: string,
  ) {
    super(message);
  }
}

/** The server cannot do its work at the moment. */
export class UnavailableError extends DomainError {}

/** The connection to the database was lost. Nothing of the work that was on it is kept, so it can be done again. */
export class ConnectionLostError extends UnavailableError {}

/** A stored binary is damaged: nobody can download it until an operator repairs it. */
export class CorruptBinaryError extends DomainError {}

/** The request itself is invalid; says which fields and why. */
export class ValidationError extends DomainError {
  readonly errors: readonly FieldError[];

  constructor(errors: readonly FieldError[]) {
    const shown = errors.map(withoutPrivateKey);
    super(shown.map((error) => `${error.message} (got ${shorten(error.value)})`).join('; '));
    this.errors = shown;
  }

  /** The usual case: one field is wrong. */
  static field(field: string, value: unknown, message: string): ValidationError {
    return new ValidationError([{ field, value, message }]);
  }
}

/** Masks a private key that was pasted into any field, because responses end up in terminals and logs. */
function withoutPrivateKey(error: FieldError): FieldError {
  const isSecret = JSON.stringify(error.value ?? null).includes('PRIVATE KEY');
  return isSecret ? { ...error, value: '(a private key, not repeated)' } : error;
}

const LONGEST_VALUE_IN_DETAIL = 80;

function shorten(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return text.length > LONGEST_VALUE_IN_DETAIL ? `${text.slice(0, LONGEST_VALUE_IN_DETAIL)}…` : text;
}
