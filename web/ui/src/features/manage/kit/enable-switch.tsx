import type { QueryKey } from '@tanstack/react-query'
import { Switch } from '@/components/ui/switch'
import { toast } from '@/components/ui/toast'
import { useText } from '@/i18n'
import { manage } from '@/i18n/manage'
import { useAction } from './use-action'

interface EnableSwitchProps {
  name: string
  enabled: boolean
  changes: QueryKey
  set: (enabled: boolean) => Promise<unknown>
}

/** Turns something on and off; the toast takes it back. */
export function EnableSwitch({ name, enabled, changes, set }: EnableSwitchProps) {
  const t = useText(manage)
  const { busy, run } = useAction(changes)
  const turn = async (on: boolean) => {
    if (await run(() => set(on)))
      toast('good', on ? t.enabled(name) : t.disabled(name), () => void run(() => set(!on)))
  }
  return (
    <Switch
      label={t.enable(name)}
      labelHidden
      checked={enabled}
      disabled={busy}
      onChecked={(on) => void turn(on)}
    />
  )
}
