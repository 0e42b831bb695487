import { signal } from '@preact/signals';

const NAME = 'paperminder-key';

/** The API key that requests are sent with; null: none. Kept for this tab alone, unless it is to be remembered. */
export const apiKey = signal<string | null>(sessionStorage.getItem(NAME) ?? localStorage.getItem(NAME));

/** Keeps a key for this tab, or for this browser until it is forgotten. */
export function keepKey(key: string, remember: boolean): void {
  forgetKey();
  (remember ? localStorage : sessionStorage).setItem(NAME, key);
  apiKey.value = key;
}

/** Forgets the key. */
export function forgetKey(): void {
  sessionStorage.removeItem(NAME);
  localStorage.removeItem(NAME);
  apiKey.value = null;
}

/** The header that carries the key. */
export function keyHeader(): Record<string, string> {
  return apiKey.value === null ? {} : { Authorization: `Bearer ${apiKey.value}` };
}
