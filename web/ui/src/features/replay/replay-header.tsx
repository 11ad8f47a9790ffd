import { Link } from '@tanstack/react-router'
import { ArrowLeft, Link2 } from 'lucide-react'
import type { SessionView } from '@/api/schema'
import { Badge } from '@/components/ui/badge'
import { buttonClass, IconButton } from '@/components/ui/button'
import { toast } from '@/components/ui/toast'
import { useFormat, useText } from '@/i18n'
import { replay as words } from '@/i18n/replay'
import { copyText } from '@/lib/clipboard'

export function ReplayHeader({ view, at }: { view: SessionView; at: number }) {
  const t = useText(words)
  const format = useFormat()
  const copy = async () => {
    const link = new URL(location.href)
    link.searchParams.set('at', String(at))
    if (await copyText(link.href)) toast('good', t.linked)
  }
  return (
    <header className="flex items-center gap-2 border-b border-line bg-surface px-3 py-2.5 sm:gap-3 sm:px-5">
      <Link
        to="/sessions/$id"
        params={{ id: view.id }}
        aria-label={t.live}
        title={t.live}
        className={buttonClass('quiet', 'small')}
      >
        <ArrowLeft aria-hidden className="size-4.5" />
      </Link>
      <div className="min-w-0 flex-1">
        <h1 className="truncate font-semibold">{view.title ?? view.id}</h1>
        <p className="text-xs text-ink-3 tabular-nums">
          {t.costSoFar}: {format.usd(view.cost_usd)}
        </p>
      </div>
      <Badge tone="accent">{t.title}</Badge>
      <IconButton label={t.link} onClick={() => void copy()}>
        <Link2 aria-hidden className="size-4.5" />
      </IconButton>
    </header>
  )
}
