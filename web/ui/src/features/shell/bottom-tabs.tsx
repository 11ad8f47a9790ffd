import { Link } from '@tanstack/react-router'
import { clsx } from 'clsx'
import { Search } from 'lucide-react'
import { lazy, Suspense } from 'react'
import { useText } from '@/i18n'
import { common } from '@/i18n/common'
import { NAV } from './nav'
import { WaitingCount } from './rail'

const Account = lazy(() => import('./account-menu').then(({ AccountTab }) => ({ default: AccountTab })))

/** How a tab at the bottom looks. */
export const tabClass = clsx(
  'relative flex h-14 flex-1 flex-col items-center justify-center gap-0.5 text-[0.6875rem] text-ink-2 -outline-offset-4',
)

/** Views that have a tab on a phone; the others are under "More". */
const TABS = 3

/** The navigation of phones, in reach of a thumb. */
export function BottomTabs({ waiting, onSearch }: { waiting: number; onSearch: () => void }) {
  const t = useText(common)
  return (
    <nav
      aria-label={t.navigation}
      className="flex shrink-0 border-t border-line bg-surface pb-[env(safe-area-inset-bottom)] md:hidden"
    >
      {NAV.slice(0, TABS).map(({ keys, to, label, icon: Icon, counts }) => (
        <Link
          key={keys}
          to={to}
          activeOptions={{ exact: to === '/', includeSearch: false }}
          className={tabClass}
          activeProps={{ className: '!text-accent font-medium' }}
        >
          <Icon aria-hidden className="size-5" />
          {label(t)}
          {counts && waiting > 0 && (
            <span className="absolute top-1 left-1/2 ml-1.5">
              <WaitingCount waiting={waiting} />
            </span>
          )}
        </Link>
      ))}
      <button type="button" className={tabClass} onClick={onSearch}>
        <Search aria-hidden className="size-5" />
        {t.palette.commands}
      </button>
      <Suspense>
        <Account />
      </Suspense>
    </nav>
  )
}
