import { Link } from '@tanstack/react-router'
import { ShieldAlert } from 'lucide-react'
import { buttonClass } from '@/components/ui/button'
import { EmptyState } from '@/components/ui/states'
import { useText } from '@/i18n'
import { common } from '@/i18n/common'

/** What stands where the built-in local user has nothing: an account comes first. */
export function NeedsAccount() {
  const t = useText(common)
  return (
    <EmptyState
      icon={<ShieldAlert className="size-6" />}
      title={t.localUser}
      action={
        <Link to="/register" className={buttonClass('primary')}>
          {t.register}
        </Link>
      }
    >
      <p>{t.localHint}</p>
    </EmptyState>
  )
}
