import { createStore, kept, useStore } from '@/lib/store'

export const LOCALES = ['en', 'zh-CN'] as const
export type Locale = (typeof LOCALES)[number]

const initial = LOCALES.find((locale) => locale === document.documentElement.lang) ?? 'en'
const locale = createStore<Locale>(initial)

export const useLocale = () => useStore(locale)

export function setLocale(next: Locale) {
  kept.write('locale', next)
  document.documentElement.lang = next
  locale.set(next)
}
