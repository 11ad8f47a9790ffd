import { useQuery } from '@tanstack/react-query'
import { meQuery } from '@/api/queries'
import { Page } from '@/components/ui/page'
import { ErrorState, SkeletonRows } from '@/components/ui/states'
import { useFormat, useText } from '@/i18n'
import { access } from '@/i18n/access'
import { NeedsAccount } from '../kit/needs-account'
import { Spend } from '../kit/spend'
import { Logins } from './logins'
import { PasswordForm } from './password-form'

export function AccountPage() {
  const words = useText(access)
  const t = words.account
  const format = useFormat()
  const { data: me, error, refetch } = useQuery(meQuery)
  return (
    <Page title={t.title} lead={t.lead}>
      {error && !me && <ErrorState error={error} onRetry={() => void refetch()} />}
      {!me && !error && <SkeletonRows rows={3} />}
      {me && (
        <dl className="card grid gap-x-6 gap-y-3 p-4 text-sm sm:grid-cols-3">
          <Fact name={t.username}>{me.username}</Fact>
          <Fact name={t.role}>{words.roles[me.role]}</Fact>
          <Fact name={t.team}>{me.tenant}</Fact>
          {me.registered_at && <Fact name={t.since}>{format.dateTime(me.registered_at)}</Fact>}
          <Fact name={t.spent}>
            <Spend spent={me.spent_this_month_usd} budget={me.monthly_budget_usd} />
          </Fact>
        </dl>
      )}
      {me && !me.registered_at && <NeedsAccount />}
      {me?.registered_at && (
        <>
          <PasswordForm />
          <Logins />
        </>
      )}
    </Page>
  )
}

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div>
      <dt className="text-ink-3">{name}</dt>
      <dd className="font-medium">{children}</dd>
    </div>
  )
}
