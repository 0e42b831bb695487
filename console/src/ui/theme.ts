import { computed, effect, signal } from '@preact/signals';

/** What a viewer chose: `auto` follows the system. */
export type ThemeChoice = 'auto' | 'light' | 'dark';

const NAME = 'paperminder-theme';
const dark = matchMedia('(prefers-color-scheme: dark)');
const system = signal(dark.matches);
dark.addEventListener('change', () => (system.value = dark.matches));

export const themeChoice = signal<ThemeChoice>(stored());

/** The theme that is shown. */
export const theme = computed(() =>
  themeChoice.value === 'auto' ? (system.value ? 'dark' : 'light') : themeChoice.value,
);

/** Shows the theme, and remembers the choice. */
export function startTheme(): void {
  effect(() => {
    document.documentElement.dataset.theme = theme.value;
    localStorage.setItem(NAME, themeChoice.value);
  });
}

function stored(): ThemeChoice {
  const value = localStorage.getItem(NAME);
  return value === 'light' || value === 'dark' ? value : 'auto';
}
