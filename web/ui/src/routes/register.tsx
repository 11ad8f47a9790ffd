import { createFileRoute } from '@tanstack/react-router'
import { AuthPage } from '@/features/auth/auth-page'
import { RegisterForm } from '@/features/auth/forms'
import { useText } from '@/i18n'
import { auth } from '@/i18n/auth'

export const Route = createFileRoute('/register')({
  validateSearch: (search): { code?: string } =>
    typeof search.code === 'string' ? { code: search.code } : {},
  component: Register,
})

function Register() {
  const t = useText(auth)
  const { code } = Route.useSearch()
  return (
    <AuthPage title={t.register} lead={t.registerLead}>
      <RegisterForm code={code} />
    </AuthPage>
  )
}
