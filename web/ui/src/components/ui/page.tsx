import { clsx } from 'clsx'
import { type ReactNode, useEffect } from 'react'

/** A page's title in the browser's tab. */
export function useTitle(title: string) {
  useEffect(() => {
    document.title = `${title} · Claude Code Runner`
  }, [title])
}

interface PageProps {
  title: string
  lead?: ReactNode
  actions?: ReactNode
  children: ReactNode
  width?: 'reading' | 'wide'
}

/** A page with its heading: every view but the ones that fill the screen. */
export function Page({ title, lead, actions, children, width }: PageProps) {
  useTitle(title)
  return (
    <div
      className={clsx(
        'mx-auto w-full px-4 py-6 sm:px-8 sm:py-9',
        width === 'wide' ? 'max-w-6xl' : 'max-w-4xl',
      )}
    >
      <header className="mb-6 flex flex-wrap items-end gap-x-4 gap-y-3">
        <div className="min-w-60 flex-1">
          <h1 className="text-2xl font-semibold tracking-tight">{title}</h1>
          {lead && <p className="mt-1 text-ink-2">{lead}</p>}
        </div>
        {actions}
      </header>
      {children}
    </div>
  )
}
