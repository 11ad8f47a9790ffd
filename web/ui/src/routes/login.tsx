import { createFileRoute } from '@tanstack/react-router'
import { AuthPage } from '@/features/auth/auth-page'
import { LoginForm } from '@/features/auth/forms'
import { useText } from '@/i18n'
import { auth } from '@/i18n/auth'

export const Route = createFileRoute('/login')({
  validateSearch: (search): { next?: string } =>
    typeof search.next === 'string' ? { next: search.next } : {},
  component: Login,
})

function Login() {
  const t = useText(auth)
  const { next } = Route.useSearch()
  return (
    <AuthPage title={t.signIn} lead={t.signInLead}>
      <LoginForm next={next} />
    </AuthPage>
  )
}
