import { useState } from 'react'
import { Button } from '@/components/ui/button'
import { TextField } from '@/components/ui/field'
import { useText } from '@/i18n'
import { requests as words } from '@/i18n/requests'
import type { Decide } from './use-decide'

/** A plan is carried out, or thought over, with a word about why. */
export function PlanActions({ decide }: { decide: Decide }) {
  const t = useText(words)
  const [message, setMessage] = useState('')
  const busy = decide.isPending
  return (
    <div className="grid gap-3">
      <TextField
        label={t.message}
        placeholder={t.messagePlaceholder}
        value={message}
        onChange={(event) => setMessage(event.target.value)}
      />
      <div className="flex flex-wrap gap-2">
        <Button look="allow" disabled={busy} onClick={() => decide.mutate({ decision: 'allow' })}>
          {t.approve}
        </Button>
        <Button
          disabled={busy}
          onClick={() => decide.mutate({ decision: 'deny', ...(message && { message }) })}
        >
          {t.keepPlanning}
        </Button>
      </div>
    </div>
  )
}
