import { Plus, Undo2, X } from 'lucide-react'
import { Button, IconButton } from '@/components/ui/button'
import { inputClass } from '@/components/ui/field'
import { useText } from '@/i18n'
import { manage } from '@/i18n/manage'
import type { Secret } from './secrets'

interface SecretFieldsProps {
  label: string
  hint?: string
  error?: string
  secrets: readonly Secret[]
  onSecrets: (secrets: Secret[]) => void
}

/** Names with values that are written only; stored ones can be replaced and taken away. */
export function SecretFields({ label, hint, error, secrets, onSecrets }: SecretFieldsProps) {
  const t = useText(manage).secrets
  const change = (id: number, changed: Partial<Secret>) =>
    onSecrets(secrets.map((secret) => (secret.id === id ? { ...secret, ...changed } : secret)))
  const add = () => {
    const id = Math.max(-1, ...secrets.map((secret) => secret.id)) + 1
    onSecrets([...secrets, { id, name: '', value: '', isStored: false, isRemoved: false }])
  }
  return (
    <fieldset className="grid gap-2">
      <legend className="mb-1.5 text-sm font-medium">{label}</legend>
      {secrets.map(({ id, name, value, isStored, isRemoved }) => (
        <div key={id} className="flex items-center gap-2">
          <input
            aria-label={t.name}
            placeholder={t.name}
            className={`${inputClass} h-9 w-2/5! font-mono`}
            readOnly={isStored}
            value={name}
            onChange={(event) => change(id, { name: event.target.value })}
          />
          <input
            aria-label={`${name} ${t.value}`.trim()}
            type="password"
            autoComplete="off"
            placeholder={isRemoved ? t.removed : isStored ? t.kept : t.value}
            disabled={isRemoved}
            className={`${inputClass} h-9 min-w-0 flex-1 font-mono`}
            value={isRemoved ? '' : value}
            onChange={(event) => change(id, { value: event.target.value })}
          />
          <IconButton
            label={isRemoved ? t.restore(name) : t.remove(name)}
            onClick={() =>
              isStored
                ? change(id, { isRemoved: !isRemoved })
                : onSecrets(secrets.filter((secret) => secret.id !== id))
            }
          >
            {isRemoved ? <Undo2 aria-hidden className="size-4" /> : <X aria-hidden className="size-4" />}
          </IconButton>
        </div>
      ))}
      <div>
        <Button size="small" icon={<Plus aria-hidden className="size-3.5" />} onClick={add}>
          {t.add}
        </Button>
      </div>
      {(error || hint) && (
        <p className={`text-[0.8125rem] ${error ? 'text-bad' : 'text-ink-3'}`}>{error ?? hint}</p>
      )}
    </fieldset>
  )
}
