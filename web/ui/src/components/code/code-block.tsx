import { Check, Copy } from 'lucide-react'
import { useState } from 'react'
import { useText } from '@/i18n'
import { common } from '@/i18n/common'
import { copyText } from '@/lib/clipboard'
import { IconButton } from '../ui/button'
import { CodeLines } from './code-lines'
import { useHighlight } from './use-highlight'

interface CodeBlockProps {
  text: string
  language?: string
  /** At most so many lines high; the rest scrolls. */
  tall?: boolean
}

export function CodeBlock({ text, language, tall }: CodeBlockProps) {
  const lines = useHighlight(text, language)
  return (
    <div className="group relative min-w-0 rounded-lg border border-line bg-sunken/70">
      <pre
        tabIndex={0}
        className={`scroll-thin overflow-auto px-3.5 py-2.5 text-[0.8125rem] leading-5 ${tall ? 'max-h-[70vh]' : 'max-h-96'}`}
      >
        <code>{lines ? <CodeLines lines={lines} /> : text}</code>
      </pre>
      <CopyButton
        text={text}
        className="absolute top-1 right-1 bg-sunken opacity-0 group-focus-within:opacity-100 group-hover:opacity-100 pointer-coarse:hidden"
      />
    </div>
  )
}

export function CopyButton({ text, className }: { text: string; className?: string }) {
  const t = useText(common)
  const [isCopied, setCopied] = useState(false)
  const copy = async () => {
    setCopied(await copyText(text))
    window.setTimeout(() => setCopied(false), 1500)
  }
  return (
    <IconButton label={isCopied ? t.copied : t.copy} className={className} onClick={() => void copy()}>
      {isCopied ? (
        <Check aria-hidden className="size-4 text-good" />
      ) : (
        <Copy aria-hidden className="size-4" />
      )}
    </IconButton>
  )
}
