import { useMemo } from 'react'
import { createFormat } from '@/lib/format'
import { type Locale, useLocale } from './locale'

/** The words of one area in another language: the same keys, and for sentences with values the same values. */
export type Messages<T> = {
  readonly [K in keyof T]: T[K] extends (...values: infer V) => string
    ? (...values: V) => string
    : T[K] extends string
      ? string
      : Messages<T[K]>
}

/** The words of one area in all languages; an area loads with the routes that use it. */
export type Area<T> = Record<Locale, T>

export function area<T>(en: T, zh: Messages<T>): Area<Messages<T>> {
  return { en: en as Messages<T>, 'zh-CN': zh }
}

export function useText<T>(area: Area<T>): T {
  return area[useLocale()]
}

const english = new Intl.PluralRules('en')

/** An English count with its noun; Chinese has one form. */
export function count(n: number, one: string, other: string): string {
  return `${n.toLocaleString('en')} ${english.select(n) === 'one' ? one : other}`
}

export function useFormat() {
  const locale = useLocale()
  return useMemo(() => createFormat(locale), [locale])
}
