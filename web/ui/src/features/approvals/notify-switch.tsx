import { Switch } from '@/components/ui/switch'
import { useText } from '@/i18n'
import { requests as words } from '@/i18n/requests'
import { setNotify, useNotify } from './notifications'

export function NotifySwitch() {
  const t = useText(words).inbox
  const { isSupported, isWanted } = useNotify()
  if (!isSupported) return null
  return (
    <span title={t.notifyHint}>
      <Switch label={t.notify} checked={isWanted} onChecked={(wanted) => void setNotify(wanted)} />
    </span>
  )
}
