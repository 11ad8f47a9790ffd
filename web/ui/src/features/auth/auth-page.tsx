import { Check } from 'lucide-react'
import type { ReactNode } from 'react'
import { useTitle } from '@/components/ui/page'
import { Select } from '@/components/ui/select'
import { useText } from '@/i18n'
import { auth } from '@/i18n/auth'
import { common } from '@/i18n/common'
import { setLocale, useLocale } from '@/i18n/locale'
import { Logo } from '../shell/logo'

const LANGUAGES = [
  { value: 'en', label: 'English' },
  { value: 'zh-CN', label: '简体中文' },
] as const

/** What stands around the forms for people who are not signed in. */
export function AuthPage({ title, lead, children }: { title: string; lead?: string; children: ReactNode }) {
  const t = useText(auth)
  const words = useText(common)
  useTitle(title)
  return (
    <div className="grid min-h-dvh lg:grid-cols-[1fr_1.1fr]">
      <aside className="hidden flex-col justify-between border-r border-line bg-sunken p-12 lg:flex">
        <div className="flex items-center gap-3 text-lg font-semibold tracking-tight">
          <Logo className="size-8" />
          {words.product}
        </div>
        <div>
          <p className="max-w-md text-3xl leading-tight font-semibold tracking-tight text-balance">
            {t.pitch}
          </p>
          <ul className="mt-8 grid gap-3.5 text-ink-2">
            {t.points.map((point) => (
              <li key={point} className="flex items-center gap-3">
                <span
                  aria-hidden
                  className="flex size-6 items-center justify-center rounded-full bg-accent-soft"
                >
                  <Check className="size-3.5 text-accent" />
                </span>
                {point}
              </li>
            ))}
          </ul>
        </div>
        <LanguageSelect />
      </aside>
      <main className="flex flex-col justify-center px-5 py-10 sm:px-12">
        <div className="mx-auto w-full max-w-sm">
          <Logo className="mb-6 size-10 lg:hidden" />
          <h1 className="text-2xl font-semibold tracking-tight">{title}</h1>
          {lead && <p className="mt-1.5 mb-6 text-ink-2">{lead}</p>}
          {children}
        </div>
        <div className="mx-auto mt-10 lg:hidden">
          <LanguageSelect />
        </div>
      </main>
    </div>
  )
}

function LanguageSelect() {
  const words = useText(common)
  return (
    <Select
      aria-label={words.language}
      value={useLocale()}
      options={LANGUAGES}
      onValue={setLocale}
      className="self-start"
    />
  )
}
