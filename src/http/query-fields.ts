import { Transform } from 'class-transformer';

const DIGITS = /^\d{1,15}$/;

/** True for the text of a whole number that is safe to compute with. */
export function isDigits(value: unknown): value is string {
  return typeof value === 'string' && DIGITS.test(value);
}

/** Reads a value of a query or a path as a whole number; what is none stays text, for the validator to refuse. */
export const QueryInteger = (): PropertyDecorator =>
  Transform(({ value }: { value: unknown }) => (isDigits(value) ? Number(value) : value));

/** Reads a query value as a boolean; what is none stays text, for the validator to refuse. */
export const QueryBoolean = (): PropertyDecorator =>
  Transform(({ value }: { value: unknown }) => (value === 'true' ? true : value === 'false' ? false : value));
