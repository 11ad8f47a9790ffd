import { useMutation, useQueryClient } from '@tanstack/react-query'
import { ArrowUp, Square } from 'lucide-react'
import { useRef, useState } from 'react'
import { api, content } from '@/api/client'
import type { PermissionMode, PromptBody, SessionView } from '@/api/schema'
import { Button } from '@/components/ui/button'
import { toastProblem } from '@/components/ui/toast'
import { useText } from '@/i18n'
import { session as words } from '@/i18n/session'
import { useHotkeys } from '@/lib/hotkeys'
import { AttachmentBar } from './attachment-bar'
import { useAttachments } from './attachments'
import { ModeSelect } from './mode-select'
import { PromptBox } from './prompt-box'
import { Suggestions, useSuggestions } from './suggestions'

/** A prompt that waits for its turn, or a word to the turn that runs. */
interface Submission extends PromptBody {
  mode: 'queue' | 'steer'
}

/** Esc interrupts when it is pressed again within this time. */
const AGAIN_MS = 1500

/** Goes on in a session: the next prompt, what it may do, and an end to what runs. */
export function Composer({ view }: { view: SessionView }) {
  const t = useText(words)
  const client = useQueryClient()
  const attachments = useAttachments()
  const [prompt, setPrompt] = useState('')
  const suggestions = useSuggestions(view, prompt, setPrompt)
  const params = { path: { id: view.id } }
  const refresh = () => client.invalidateQueries({ queryKey: ['session', view.id] })

  const submit = useMutation({
    mutationFn: ({ mode, ...body }: Submission) =>
      content(api.POST('/api/sessions/{id}/prompts', { params: { ...params, query: { mode } }, body })),
    onMutate() {
      setPrompt('')
      attachments.clear()
    },
    onError(error, body) {
      setPrompt(body.prompt)
      toastProblem(error)
    },
    onSettled: refresh,
  })
  const interrupt = useMutation({
    mutationFn: () => content(api.POST('/api/sessions/{id}/interrupt', { params })),
    onError: toastProblem,
    onSettled: refresh,
  })
  const setMode = useMutation({
    mutationFn: (permission_mode: PermissionMode) =>
      content(api.PATCH('/api/sessions/{id}', { params, body: { permission_mode } })),
    onError: toastProblem,
    onSettled: refresh,
  })

  const isBusy = view.status === 'running' || view.status === 'waiting'
  const { isAsking, press } = useTwice(() => interrupt.mutate())
  useHotkeys({ Escape: () => isBusy && press() })
  const send = (mode: Submission['mode']) => {
    if (prompt.trim() && !submit.isPending) submit.mutate({ mode, prompt, attachments: attachments.body })
  }
  return (
    <form
      className="relative"
      onSubmit={(event) => {
        event.preventDefault()
        send('queue')
      }}
    >
      <Suggestions {...suggestions} />
      <PromptBox
        label={t.composer.prompt}
        placeholder={isBusy ? t.composer.queue : t.composer.reply}
        value={prompt}
        onValue={setPrompt}
        onSend={() => send('queue')}
        onKey={(event) => {
          suggestions.onKey(event)
          if (event.key === 'Escape' && !event.defaultPrevented && isBusy) press()
        }}
        onPaste={(event) => {
          if (attachments.add(event.clipboardData.files)) event.preventDefault()
        }}
        textarea={suggestions.textarea}
      >
        <ModeSelect
          value={setMode.variables && setMode.isPending ? setMode.variables : view.permission_mode}
          onValue={setMode.mutate}
        />
        <AttachmentBar attachments={attachments} />
        <span className="ml-auto flex items-center gap-2">
          {isAsking && <span className="text-xs text-ink-3">{t.composer.stopAgain}</span>}
          {isBusy && (
            <Button
              look="danger"
              busy={interrupt.isPending}
              icon={<Square aria-hidden className="size-3.5 fill-current" />}
              onClick={() => interrupt.mutate()}
            >
              {t.composer.stop}
            </Button>
          )}
          {view.status === 'running' && prompt.trim() && (
            <Button disabled={submit.isPending} onClick={() => send('steer')}>
              {t.composer.steer}
            </Button>
          )}
          <Button
            type="submit"
            look="primary"
            disabled={!prompt.trim()}
            busy={submit.isPending}
            icon={<ArrowUp aria-hidden className="size-4" />}
          >
            {t.composer.send}
          </Button>
        </span>
      </PromptBox>
    </form>
  )
}

/** Does something that cannot be undone only when it is asked for twice. */
function useTwice(action: () => void) {
  const [isAsking, setAsking] = useState(false)
  const timer = useRef<number | undefined>(undefined)
  const press = () => {
    window.clearTimeout(timer.current)
    if (isAsking) action()
    else timer.current = window.setTimeout(() => setAsking(false), AGAIN_MS)
    setAsking(!isAsking)
  }
  return { isAsking, press }
}
