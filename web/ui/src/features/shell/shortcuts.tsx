import { Dialog } from '@/components/ui/dialog'
import { useText } from '@/i18n'
import { common } from '@/i18n/common'
import { MOD } from '@/lib/hotkeys'

/** The list of keys. */
export function Shortcuts({ onClose }: { onClose: () => void }) {
  const t = useText(common)
  const keys: [string, string[]][] = [
    [t.shortcuts.palette, [MOD, 'K']],
    [t.shortcuts.search, ['/']],
    [t.shortcuts.newSession, ['n']],
    [t.shortcuts.sessions, ['g', 's']],
    [t.shortcuts.approvals, ['g', 'a']],
    [t.shortcuts.send, ['Enter']],
    [t.shortcuts.newline, ['⇧', 'Enter']],
    [t.shortcuts.interrupt, ['Esc']],
    [t.shortcuts.allow, ['a']],
    [t.shortcuts.allowSession, ['⇧', 'a']],
    [t.shortcuts.deny, ['d']],
    [t.shortcuts.help, ['?']],
  ]
  return (
    <Dialog open onClose={onClose} title={t.shortcuts.title}>
      <dl className="grid gap-1 pb-4">
        {keys.map(([name, parts]) => (
          <div
            key={name}
            className="flex items-center justify-between gap-4 border-b border-line py-1.5 last:border-0"
          >
            <dt className="text-sm">{name}</dt>
            <dd className="flex gap-1">
              {parts.map((part) => (
                <kbd key={part} className="rounded border border-line-strong bg-sunken px-1.5 py-0.5 text-xs">
                  {part}
                </kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </Dialog>
  )
}
