import { Eye, EyeOff } from 'lucide-react'
import { useState } from 'react'
import { IconButton } from '@/components/ui/button'
import { Field, inputClass } from '@/components/ui/field'
import { useText } from '@/i18n'
import { auth } from '@/i18n/auth'

interface PasswordFieldProps {
  label: string
  autoComplete: 'current-password' | 'new-password'
  hint?: string
  error?: string
}

export function PasswordField({ label, autoComplete, hint, error }: PasswordFieldProps) {
  const t = useText(auth)
  const [isShown, setShown] = useState(false)
  const Icon = isShown ? EyeOff : Eye
  return (
    <Field label={label} hint={hint} error={error}>
      {(control) => (
        <span className="relative">
          <input
            name="password"
            type={isShown ? 'text' : 'password'}
            autoComplete={autoComplete}
            required
            className={`${inputClass} h-10 pr-11`}
            {...control}
          />
          <IconButton
            label={t.showPassword}
            aria-pressed={isShown}
            className="absolute top-1/2 right-1 -translate-y-1/2"
            onClick={() => setShown(!isShown)}
          >
            <Icon aria-hidden className="size-4" />
          </IconButton>
        </span>
      )}
    </Field>
  )
}
