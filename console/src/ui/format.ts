const NUMBER = new Intl.NumberFormat('en');
const EXACT = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const SHORT = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
const RELATIVE = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });

/** A whole number, with commas between thousands. */
export function count(value: number): string {
  return NUMBER.format(value);
}

/** `1 printer`, `2 printers`. */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** One share as a whole percentage; 0 and 100 are shown only if they are exact. `shares` is for several that are shown side by side. */
export function percent(part: number, whole: number): string {
  if (whole === 0) return '–';
  const exact = (part / whole) * 100;
  return shareText(exact, Math.round(exact));
}

/**
 * The shares of all parts of a whole as whole percentages that add up to 100 (the largest remainder method). 0 and 100 are shown only if
 * they are exact.
 */
export function shares(parts: readonly number[]): string[] {
  const whole = parts.reduce((sum, part) => sum + part, 0);
  if (whole === 0) return parts.map(() => '–');
  const exact = parts.map((part) => (part / whole) * 100);
  const rounded = exact.map(Math.floor);
  const byRemainder = [...exact.keys()].sort((a, b) => remainder(exact[b]) - remainder(exact[a]) || a - b);
  const left = 100 - rounded.reduce((sum, share) => sum + share, 0);
  for (const index of byRemainder.slice(0, left)) rounded[index] = (rounded[index] ?? 0) + 1;
  return exact.map((share, index) => shareText(share, rounded[index] ?? 0));
}

function remainder(share = 0): number {
  return share - Math.floor(share);
}

function shareText(exact: number, rounded: number): string {
  if (exact > 0 && exact < 1) return '<1 %';
  if (exact > 99 && exact < 100) return '>99 %';
  return `${rounded} %`;
}

/** Bytes, as people read them. */
export function bytes(value: number): string {
  if (value < 1_024) return `${value} B`;
  if (value < 1_024 * 1_024) return `${(value / 1_024).toFixed(1)} KiB`;
  return `${(value / 1_024 / 1_024).toFixed(2)} MiB`;
}

/** An instant in the browser's time zone, to the second. */
export function exactTime(at: string): string {
  return EXACT.format(new Date(at));
}

/** An instant in the browser's time zone, to the minute. */
export function shortTime(at: string): string {
  return SHORT.format(new Date(at));
}

/** The same instant in UTC, to the second. */
export function utcTime(at: string): string {
  return `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

const UNITS = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['week', 604_800],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
] as const;

/** How long ago an instant is, or how long until it comes, in words. */
export function relativeTime(at: string, now: number): string {
  const seconds = (Date.parse(at) - now) / 1_000;
  for (const [unit, size] of UNITS) {
    if (Math.abs(seconds) >= size) return RELATIVE.format(Math.trunc(seconds / size), unit);
  }
  return Math.abs(seconds) < 10 ? 'just now' : RELATIVE.format(Math.trunc(seconds), 'second');
}

/** A duration in words. */
export function duration(from: string, to: string): string {
  const seconds = Math.max(0, Math.round((Date.parse(to) - Date.parse(from)) / 1_000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`;
}
