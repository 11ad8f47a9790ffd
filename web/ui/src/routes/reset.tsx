import { createFileRoute } from '@tanstack/react-router'
import { AuthPage } from '@/features/auth/auth-page'
import { ResetForm } from '@/features/auth/forms'
import { useText } from '@/i18n'
import { auth } from '@/i18n/auth'

export const Route = createFileRoute('/reset')({ component: Reset })

function Reset() {
  const t = useText(auth)
  return (
    <AuthPage title={t.resetTitle} lead={t.passwordReset}>
      <ResetForm />
    </AuthPage>
  )
}
