import { signal } from '@preact/signals';

const coarse = matchMedia('(pointer: coarse)');

/** True on a phone or tablet, where nobody can drag a file onto the page. */
export const isTouchScreen = signal(coarse.matches);
coarse.addEventListener('change', () => (isTouchScreen.value = coarse.matches));
