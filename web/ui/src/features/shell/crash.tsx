import { Bug } from 'lucide-react'
import { Button } from '@/components/ui/button'
import { EmptyState } from '@/components/ui/states'
import { toast } from '@/components/ui/toast'
import { useText } from '@/i18n'
import { common } from '@/i18n/common'
import { copyText } from '@/lib/clipboard'

/** What is left of a view that threw: the rest of the page goes on. */
export function Crash({ error }: { error: unknown }) {
  const t = useText(common)
  const report = [
    error instanceof Error ? error.stack : String(error),
    location.pathname,
    navigator.userAgent,
  ].join('\n\n')
  const copy = async () => {
    if (await copyText(report)) toast('good', t.copied)
  }
  return (
    <div role="alert">
      <EmptyState
        icon={<Bug className="size-6" />}
        title={t.errors.crashed}
        action={
          <>
            <Button look="primary" onClick={() => window.location.reload()}>
              {t.reload}
            </Button>
            <Button onClick={() => void copy()}>{t.errors.report}</Button>
          </>
        }
      >
        <p>{t.errors.crashedText}</p>
        <pre
          tabIndex={0}
          className="mt-3 max-h-40 overflow-auto rounded-lg bg-sunken p-3 text-left text-xs whitespace-pre-wrap"
        >
          {String(error)}
        </pre>
      </EmptyState>
    </div>
  )
}
