import { Link, useLocation } from '@tanstack/react-router'
import { type ReactNode, useEffect, useRef } from 'react'
import { useText } from '@/i18n'
import { manage } from '@/i18n/manage'
import { SECTIONS } from './sections'

/** A view of the settings beside the list of all; on narrow screens the list is a strip above. */
export function SettingsLayout({ children }: { children: ReactNode }) {
  const t = useText(manage).sections
  const nav = useRef<HTMLElement>(null)
  const { pathname } = useLocation()
  // biome-ignore lint/correctness/useExhaustiveDependencies: the view is what is looked for in the strip
  useEffect(() => {
    const current = nav.current?.querySelector('[aria-current=page]')
    current?.scrollIntoView({ inline: 'center', block: 'nearest' })
  }, [pathname])
  return (
    <div className="mx-auto w-full max-w-6xl lg:flex">
      <nav
        ref={nav}
        aria-label={t.label}
        className="scroll-thin flex shrink-0 gap-1 overflow-x-auto border-b border-line px-4 py-2 lg:w-52 lg:flex-col lg:gap-6 lg:border-b-0 lg:py-10 lg:pl-8"
      >
        {SECTIONS.map(({ name, sections }) => (
          <div key={name} className="contents lg:grid lg:gap-0.5">
            <h2 className="hidden px-2.5 pb-1 text-xs font-medium text-ink-3 lg:block">{t[name]}</h2>
            {sections.map((section) => (
              <Link
                key={section.name}
                to={section.to}
                className="flex h-8 shrink-0 items-center rounded-lg px-2.5 text-sm whitespace-nowrap text-ink-2 hover:bg-sunken hover:text-ink pointer-coarse:h-11"
                activeProps={{ className: 'bg-accent-soft font-medium !text-accent' }}
              >
                {t[section.name]}
              </Link>
            ))}
          </div>
        ))}
      </nav>
      <div className="min-w-0 flex-1">{children}</div>
    </div>
  )
}
