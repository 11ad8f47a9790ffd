import { createStore, kept, useStore } from './store'

export const THEMES = ['system', 'light', 'dark'] as const
export type Theme = (typeof THEMES)[number]

const prefersDark = window.matchMedia('(prefers-color-scheme: dark)')
const theme = createStore<Theme>(THEMES.find((theme) => theme === kept.read('theme')) ?? 'system')

function show() {
  const isDark = theme.get() === 'dark' || (theme.get() === 'system' && prefersDark.matches)
  document.documentElement.dataset.theme = isDark ? 'dark' : 'light'
}

prefersDark.addEventListener('change', show)

export function setTheme(next: Theme) {
  kept.write('theme', next)
  theme.set(next)
  show()
}

export const useTheme = () => useStore(theme)
