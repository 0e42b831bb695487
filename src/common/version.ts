import semver from 'semver';
import { ValidationError } from './errors.js';
import { trimBlanks } from './text.js';

/** Longest accepted version text. Keeps the update message far below the 1 KiB that a board can receive. */
export const MAX_VERSION_LENGTH = 64;

const TWO_NUMBERS = /^\d+\.\d+$/;
const VERSION_CHARACTERS = /^[0-9A-Za-z.+-]+$/;
const NUMBER = /^\d+$/;

/** Why a text is not a version. */
export class InvalidVersionError extends Error {}

/**
 * Parses a version as SemVer 2.0.0, but accepts a leading `v` and a missing third number, as printers send them: `v1.5` is `1.5.0`.
 *
 * @returns the canonical text, e.g. `1.5.0-beta.2`
 * @throws InvalidVersionError if the text is not a version, has build metadata, or has a number above 2^53 - 1
 */
export function parseVersion(text: string): string {
  if (text.length > MAX_VERSION_LENGTH) {
    throw new InvalidVersionError(`must be at most ${MAX_VERSION_LENGTH} characters long`);
  }
  if (!VERSION_CHARACTERS.test(text)) throw notAVersion();
  // Two builds that differ only in build metadata have equal precedence (SemVer §10): one version would name two binaries.
  if (text.includes('+')) throw new InvalidVersionError('must not carry build metadata (+...)');
  const bare = text.startsWith('v') ? text.slice(1) : text;
  const parsed = /^\d/.test(bare) ? semver.parse(TWO_NUMBERS.test(bare) ? `${bare}.0` : bare) : null;
  if (parsed === null) throw notAVersion();
  for (const identifier of parsed.prerelease) {
    if (NUMBER.test(String(identifier)) && !Number.isSafeInteger(Number(identifier))) {
      throw new InvalidVersionError('must not contain a number above 2^53 - 1');
    }
  }
  return parsed.version;
}

function notAVersion(): InvalidVersionError {
  return new InvalidVersionError('must be a semantic version such as 1.5.0 or 1.5.0-beta.2');
}

/**
 * Like `parseVersion`, for a field of a request or a message.
 *
 * @throws ValidationError naming the field
 */
export function parseVersionField(field: string, text: string): string {
  try {
    return parseVersion(text);
  } catch (error) {
    if (error instanceof InvalidVersionError)
      throw ValidationError.field(field, text, `${field} ${error.message}`);
    throw error;
  }
}

/**
 * Parses a version as printers in the field send it: ignores build metadata (SemVer §10), and white space and control characters around it.
 *
 * @returns the canonical text; null if it cannot be parsed
 */
export function parseReportedVersion(text: string): string | null {
  const [withoutMetadata = ''] = text.split('+', 1);
  try {
    return parseVersion(trimBlanks(withoutMetadata));
  } catch (error) {
    if (error instanceof InvalidVersionError) return null;
    throw error;
  }
}

/** Key of an unknown version. It sorts below every other key, but rules must not treat it as a low version. */
export const UNKNOWN_VERSION_KEY = '';

/** Name of an unknown version in lists, filters and metrics. */
export const UNKNOWN_VERSION = 'unknown';

/** True if the text can be parsed as a version. */
export function isVersion(text: string): boolean {
  try {
    parseVersion(text);
    return true;
  } catch {
    return false;
  }
}

// Sorts above '0' and '1', which start a pre-release identifier. SemVer §11: a pre-release ranks below its release.
const RELEASE = '~';
// Sorts below every character of an identifier, so that `alpha` ranks below `alpha.1` and `alpha-x` (SemVer §11.4.4).
const END_OF_IDENTIFIER = '!';

/**
 * A text whose byte order is SemVer's precedence (§11), so that a database can compare and index versions. Numbers are prefixed with their
 * length; in a pre-release, numbers rank below words (§11.4.3).
 *
 * @param version canonical text, as `parseVersion` returns it
 */
export function versionKey(version: string): string {
  const parsed = new semver.SemVer(version);
  const core = [parsed.major, parsed.minor, parsed.patch].map(numberKey).join('');
  if (parsed.prerelease.length === 0) return core + RELEASE;
  const identifiers = parsed.prerelease.map((identifier) => {
    const text = String(identifier);
    return (NUMBER.test(text) ? `0${numberKey(text)}` : `1${text}`) + END_OF_IDENTIFIER;
  });
  return core + identifiers.join('');
}

/** The canonical text of the version behind a key; `UNKNOWN_VERSION` for the key of an unknown version. */
export function versionOfKey(key: string): string {
  if (key === UNKNOWN_VERSION_KEY) return UNKNOWN_VERSION;
  let at = 0;
  const number = (): string => {
    const start = at + 1;
    at = start + key.charCodeAt(at) - 'a'.charCodeAt(0);
    return key.slice(start, at);
  };
  const core = [number(), number(), number()].join('.');
  if (key.startsWith(RELEASE, at)) return core;
  const identifiers = key.slice(at).split(END_OF_IDENTIFIER).slice(0, -1);
  // A number is prefixed with `0` and its length, a word with `1`.
  const texts = identifiers.map((identifier) => identifier.slice(identifier.startsWith('0') ? 2 : 1));
  return `${core}-${texts.join('.')}`;
}

function numberKey(value: number | string): string {
  const digits = String(value);
  return String.fromCharCode('a'.charCodeAt(0) + digits.length) + digits;
}
