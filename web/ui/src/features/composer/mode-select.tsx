import type { PermissionMode } from '@/api/schema'
import { Select } from '@/components/ui/select'
import { useText } from '@/i18n'
import { session as words } from '@/i18n/session'

const MODES = [
  'default',
  'acceptEdits',
  'plan',
  'dontAsk',
  'bypassPermissions',
] as const satisfies readonly PermissionMode[]

export function ModeSelect({
  value,
  onValue,
}: {
  value: PermissionMode
  onValue: (mode: PermissionMode) => void
}) {
  const t = useText(words)
  return (
    <Select
      aria-label={t.mode}
      title={t.modeHints[value]}
      className="[&>select]:h-8 [&>select]:border-transparent [&>select]:bg-sunken [&>select]:text-[0.8125rem]"
      value={value}
      options={MODES.map((mode) => ({ value: mode, label: t.modes[mode] }))}
      onValue={onValue}
    />
  )
}
