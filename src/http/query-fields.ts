import { Transform } from 'class-transformer';

const DIGITS = /^\d{1,15}$/;

/** True for the text of a safe integer without a sign. */
export function isDigits(value: unknown): value is string {
  return typeof value === 'string' && DIGITS.test(value);
}

/** Parses a query or path value as an integer; other text stays text, for the validator to reject. */
export const QueryInteger = (): PropertyDecorator =>
  Transform(({ value }: { value: unknown }) => (isDigits(value) ? Number(value) : value));

/** Parses a query value as a boolean; other text stays text, for the validator to reject. */
export const QueryBoolean = (): PropertyDecorator =>
  Transform(({ value }: { value: unknown }) => (value === 'true' ? true : value === 'false' ? false : value));
