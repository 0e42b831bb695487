import { CHANNELS } from '../common/channel.js';
import type { Channel } from '../common/channel.js';
import { isUuid } from '../common/uuid.js';
import type { FoundProblem } from '../printer/printer-problems.js';

/** A message of a printer: a JSON object. */
export type Message = Readonly<Record<string, unknown>>;

/** Longest value repeated in a problem, in code points. */
const LONGEST_SHOWN_VALUE = 64;
// Matches lone surrogates only: with the u flag, a pair counts as one character. SQLite would store a different text.
const HALF_A_CHARACTER = /\p{Surrogate}/u;

/**
 * Reads the fields of a message one by one. A field that cannot be used counts as absent and is noted as a problem, so it costs the printer
 * nothing else; a validator of decorated classes would reject the whole message. A null field counts as absent.
 */
export class MessageFields {
  /** The unusable fields, each at most once. */
  readonly problems: FoundProblem[] = [];

  constructor(private readonly message: Message) {}

  /** True if the field is present, usable or not. */
  has(field: string): boolean {
    return (this.message[field] ?? null) !== null;
  }

  /**
   * A text exactly as it was sent, with a maximum length in code points.
   *
   * @param secret true if the value must not be repeated in a problem
   */
  text(field: string, longest: number, secret = false): string | null {
    const value = this.value(field);
    if (value === null) return null;
    if (typeof value === 'string' && !isLongerThan(value, longest) && !HALF_A_CHARACTER.test(value))
      return value;
    const message = `${field} must be a Unicode text of at most ${longest} characters`;
    return this.note({ field, value: secret ? null : shownValue(value), message });
  }

  /** A text for people to read, cut to a maximum length; anything but a text counts as absent. */
  words(field: string, longest: number): string | null {
    const value = this.value(field);
    return typeof value === 'string' ? firstCodePoints(wellFormed(value), longest) : null;
  }

  boolean(field: string): boolean | null {
    const value = this.value(field);
    if (value === null || typeof value === 'boolean') return value;
    return this.note({ field, value: shownValue(value), message: `${field} must be true or false` });
  }

  uuid(field: string): string | null {
    const value = this.value(field);
    if (value === null || isUuid(value)) return value?.toLowerCase() ?? null;
    return this.note({ field, value: shownValue(value), message: `${field} must be a UUID` });
  }

  channel(field: string): Channel | null {
    const value = this.value(field);
    const channel = CHANNELS.find((one) => one === value) ?? null;
    if (value === null || channel !== null) return channel;
    const message = `${field} must be one of ${CHANNELS.join(', ')}`;
    return this.note({ field, value: shownValue(value), message });
  }

  /** The raw value of a field; null if it is absent. */
  value(field: string): unknown {
    return this.message[field] ?? null;
  }

  /** Notes a problem; returns null, which stands for an absent field. */
  note(problem: FoundProblem): null {
    this.problems.push(problem);
    return null;
  }
}

/** Formats an unusable value as a short, well-formed Unicode text. */
export function shownValue(value: unknown): string {
  if (typeof value === 'string') return firstCodePoints(wellFormed(value), LONGEST_SHOWN_VALUE);
  if (Array.isArray(value)) return '(a list)';
  return typeof value === 'object' && value !== null ? '(an object)' : String(value);
}

/** The first code points of a text; never half a character. */
export function firstCodePoints(text: string, count: number): string {
  return isLongerThan(text, count) ? [...text.slice(0, 2 * count)].slice(0, count).join('') : text;
}

// A code point is one or two UTF-16 units, so the length alone decides for most texts.
function isLongerThan(text: string, count: number): boolean {
  if (text.length <= count) return false;
  return text.length > 2 * count || [...text].length > count;
}

function wellFormed(text: string): string {
  return HALF_A_CHARACTER.test(text) ? text.replace(/\p{Surrogate}/gu, '\ufffd') : text;
}
