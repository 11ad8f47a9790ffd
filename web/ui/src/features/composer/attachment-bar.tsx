import { ImagePlus, X } from 'lucide-react'
import { useRef } from 'react'
import { IconButton } from '@/components/ui/button'
import { useText } from '@/i18n'
import { session as words } from '@/i18n/session'
import { ACCEPTED, type Attachments } from './attachments'

/** The pictures that go along, each of which can be taken back, and a button for more. */
export function AttachmentBar({ attachments }: { attachments: Attachments }) {
  const t = useText(words).composer
  const input = useRef<HTMLInputElement>(null)
  return (
    <>
      <input
        ref={input}
        type="file"
        accept={ACCEPTED}
        multiple
        hidden
        onChange={(event) => {
          attachments.add(event.target.files ?? [])
          event.target.value = ''
        }}
      />
      <IconButton label={t.attach} onClick={() => input.current?.click()}>
        <ImagePlus aria-hidden className="size-4.5" />
      </IconButton>
      {attachments.pictures.map((picture, at) => (
        <span
          key={at}
          className="inline-flex items-center gap-1 rounded-lg bg-sunken py-1 pr-1 pl-1.5 text-xs"
        >
          <img
            alt=""
            src={`data:${picture.media_type};base64,${picture.data}`}
            className="size-6 rounded object-cover"
          />
          <span className="max-w-24 truncate">{picture.name}</span>
          <button
            type="button"
            aria-label={t.remove(picture.name)}
            className="inline-flex size-6 items-center justify-center rounded hover:bg-line"
            onClick={() => attachments.remove(picture)}
          >
            <X aria-hidden className="size-3.5" />
          </button>
        </span>
      ))}
    </>
  )
}
