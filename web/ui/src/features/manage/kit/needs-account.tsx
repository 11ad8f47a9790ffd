import { Link } from '@tanstack/react-router'
import { ShieldAlert } from 'lucide-react'
import { buttonClass } from '@/components/ui/button'
import { EmptyState } from '@/components/ui/states'
import { useText } from '@/i18n'
import { common } from '@/i18n/common'
import { manage } from '@/i18n/manage'

/** What stands where the built-in local user has nothing: an account comes first. */
export function NeedsAccount() {
  const t = useText(common)
  const { needsAccount } = useText(manage)
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
      <p>{needsAccount}</p>
    </EmptyState>
  )
}
