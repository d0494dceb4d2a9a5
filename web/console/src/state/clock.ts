// Now, for relative times, and how absolute ones are written.
import { effect, signal } from '@preact/signals';

const ZONE_KEY = 'runsd.console.utc';
const THEME_KEY = 'runsd.console.theme';

export const now = signal(Date.now());
setInterval(() => {
  if (!document.hidden) now.value = Date.now();
}, 1000);

export const isUtc = signal(localStorage.getItem(ZONE_KEY) !== 'no');
effect(() => localStorage.setItem(ZONE_KEY, isUtc.value ? 'yes' : 'no'));

export type Theme = 'auto' | 'light' | 'dark';
const kept = localStorage.getItem(THEME_KEY);
export const theme = signal<Theme>(kept === 'light' || kept === 'dark' ? kept : 'auto');
effect(() => {
  localStorage.setItem(THEME_KEY, theme.value);
  document.documentElement.style.colorScheme = theme.value === 'auto' ? '' : theme.value;
});
