import { applyDecorators } from '@nestjs/common';
import { ValidateBy } from 'class-validator';
import type { ValidationError as Finding, ValidationOptions } from 'class-validator';
import { Transform } from 'class-transformer';
import { ValidationError } from './errors.js';
import type { FieldError } from './errors.js';
import { isUuid } from './uuid.js';
import { InvalidVersionError, parseVersion } from './version.js';

/** The field must be a version (see `parseVersion`). It keeps its text; the mapping canonicalises it. */
export function IsVersion(): PropertyDecorator {
  return ValidateBy({
    name: 'isVersion',
    validator: {
      validate: (value: unknown) => versionProblem(value) === null,
      defaultMessage: (args) => `${args?.property} ${versionProblem(args?.value) ?? ''}`,
    },
  });
}

function versionProblem(value: unknown): string | null {
  if (typeof value !== 'string') return 'must be a string such as "1.5.0"';
  try {
    parseVersion(value);
    return null;
  } catch (error) {
    if (error instanceof InvalidVersionError) return error.message;
    throw error;
  }
}

/** The field must be the text form of a UUID, or with `each`, a list of them. */
export function IsUuid(options?: ValidationOptions): PropertyDecorator {
  return ValidateBy(
    {
      name: 'isUuid',
      validator: {
        validate: (value: unknown) => isUuid(value),
        defaultMessage: (args) => `${options?.each ? 'each of ' : ''}${args?.property} must be a UUID`,
      },
    },
    options,
  );
}

/**
 * The field must be a text.
 *
 * @param max maximum length in code points
 */
export function IsText(max: number): PropertyDecorator {
  return ValidateBy({
    name: 'isText',
    validator: {
      validate: (value: unknown) => typeof value === 'string' && [...value].length <= max,
      defaultMessage: (args) => `${args?.property} must be a text of at most ${max} characters`,
    },
  });
}

/** Longest platform name. Together with the version it keeps the update message below 1 KiB. */
export const MAX_PLATFORM_LENGTH = 32;
const PLATFORM = /^[a-z0-9][a-z0-9._-]*$/i;

/** Stands for "every board" where a platform is named: the build that fits all boards. */
export const ANY_PLATFORM = 'any';

/** True for a board's name, in any case. */
export function isPlatform(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_PLATFORM_LENGTH && PLATFORM.test(value);
}

/** The field must be a board's name, e.g. `esp8266` or `esp32-s3`. Converts it to lower case. */
export function IsPlatform(): PropertyDecorator {
  return applyDecorators(
    // An invalid value is echoed in the error exactly as it was sent.
    Transform(({ value }: { value: unknown }) => (isPlatform(value) ? value.toLowerCase() : value)),
    ValidateBy({
      name: 'isPlatform',
      validator: {
        validate: isPlatform,
        defaultMessage: (args) =>
          `${args?.property} must be 1 to ${MAX_PLATFORM_LENGTH} letters, digits, dots, dashes or underscores`,
      },
    }),
  );
}

/**
 * Converts class-validator's errors into one error that names every field, its value and what is wrong.
 *
 * @param kind what the fields are called in messages
 */
export function toValidationError(
  findings: readonly Finding[],
  kind: 'field' | 'query parameter' = 'field',
): ValidationError {
  return new ValidationError(findings.flatMap((finding) => fieldErrors(finding, '', kind)));
}

function fieldErrors(finding: Finding, parent: string, kind: string): FieldError[] {
  const field = parent + finding.property;
  const own = Object.entries(finding.constraints ?? {}).map(([rule, message]) => ({
    field,
    value: finding.value as unknown,
    // class-validator only names the property, which does not distinguish target.all from another `all`.
    message:
      rule === 'whitelistValidation'
        ? `${field} is not a known ${kind}`
        : message.replace(finding.property, field),
  }));
  // One message per field. Decorators are evaluated from the lowest up, so the last constraint is the one written first: the type.
  return [
    ...own.slice(-1),
    ...(finding.children ?? []).flatMap((child) => fieldErrors(child, `${field}.`, kind)),
  ];
}
