/** One thing that is wrong with one field of a request or a message. */
export interface FieldError {
  /** Path of the field as it stands on the wire, e.g. `target.min_version`. */
  field: string;
  /** The value that was refused. */
  value: unknown;
  /** What is wrong with it, in words. */
  message: string;
}

/** What services throw when a rule says no. It knows nothing of HTTP: cron jobs and sockets see it, too. */
export abstract class DomainError extends Error {
  override get name(): string {
    return this.constructor.name;
  }
}

/** The thing asked for does not exist. */
export class NotFoundError extends DomainError {}

/** The request is well-formed, but the present state of things forbids it. */
export class ConflictError extends DomainError {}

/** It is not known who asks: a key is missing, or does not count. */
export class UnauthorizedError extends DomainError {
  /** @param inBrowser true where a browser may ask its user for the key */
  constructor(
    message: string,
    readonly inBrowser = false,
  ) {
    super(message);
  }
}

/** A key came along that does not count. */
export class InvalidKeyError extends UnauthorizedError {}

/** Who asks has asked too often. */
export class RateLimitError extends DomainError {
  /** @param retryAfter when to ask again, in seconds */
  constructor(
    message: string,
    readonly retryAfter: number,
  ) {
    super(message);
  }
}

/** It is known who asks, and that they may not. */
export class ForbiddenError extends DomainError {}

/** A printer is not let in. */
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

/** What the server keeps is damaged: nobody can be given it until an operator mends it. */
export class CorruptBinaryError extends DomainError {}

/** The request itself is wrong; says which fields and why. */
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

/** A private key that was pasted into whatever field: answers end up in terminals and logs. */
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
