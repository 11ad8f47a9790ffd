import { Link } from '@tanstack/react-router'
import { Search } from 'lucide-react'
import { lazy, Suspense } from 'react'
import { Skeleton } from '@/components/ui/states'
import { useText } from '@/i18n'
import { common } from '@/i18n/common'
import { MOD } from '@/lib/hotkeys'
import { ConnectionChip } from './connection-chip'
import { Logo } from './logo'
import { NAV, type NavItem } from './nav'

const Account = lazy(() => import('./account-menu').then(({ AccountMenu }) => ({ default: AccountMenu })))

interface NavigationProps {
  waiting: number
  onSearch: () => void
}

/** The navigation of wide screens. */
export function Rail({ waiting, onSearch }: NavigationProps) {
  const t = useText(common)
  return (
    <header className="hidden w-56 shrink-0 flex-col border-r border-line bg-sunken/50 px-3 py-4 md:flex">
      <Link
        to="/"
        className="mb-4 flex items-center gap-2.5 rounded-lg px-2 py-1 font-semibold tracking-tight"
      >
        <Logo className="size-6" />
        Runner
      </Link>
      <button
        type="button"
        onClick={onSearch}
        className="mb-3 flex h-9 items-center gap-2 rounded-lg border border-line bg-surface px-2.5 text-sm text-ink-3 hover:border-line-strong"
      >
        <Search aria-hidden className="size-4" />
        <span className="flex-1 truncate text-left">{t.search}</span>
        <kbd className="text-xs">{MOD} K</kbd>
      </button>
      <nav aria-label={t.navigation} className="grid gap-0.5">
        {NAV.map((item) => (
          <RailLink key={item.keys} item={item} waiting={waiting} />
        ))}
      </nav>
      <div className="mt-auto grid gap-2">
        <ConnectionChip />
        <Suspense fallback={<Skeleton className="h-11" />}>
          <Account />
        </Suspense>
      </div>
    </header>
  )
}

function RailLink({ item, waiting }: { item: NavItem; waiting: number }) {
  const t = useText(common)
  return (
    <Link
      to={item.to}
      activeOptions={{ exact: item.to === '/', includeSearch: false }}
      className="flex h-9 items-center gap-2.5 rounded-lg px-2.5 text-sm text-ink-2 hover:bg-sunken hover:text-ink"
      activeProps={{ className: 'bg-surface font-medium !text-ink shadow-low' }}
    >
      <item.icon aria-hidden className="size-4.5" />
      <span className="flex-1">{item.label(t)}</span>
      {item.counts && waiting > 0 && <WaitingCount waiting={waiting} />}
    </Link>
  )
}

export function WaitingCount({ waiting }: { waiting: number }) {
  const t = useText(common)
  return (
    <span className="inline-flex h-5 min-w-5 items-center justify-center rounded-full bg-accent px-1.5 text-xs font-semibold text-on-accent tabular-nums">
      {waiting}
      <span className="sr-only">{t.waiting(waiting)}</span>
    </span>
  )
}
