import { useEffect, useState } from 'react'
import { workerUrl } from '@/lib/trusted-types'
import type { HighlightAnswer, HighlightAsk, Piece } from './highlight.worker'
import source from './highlight.worker?worker&url'

type Lines = Piece[][] | null

/** More is not worth the wait. */
const MAX_LENGTH = 200_000
const MAX_KEPT = 200

const kept = new Map<string, Lines>()
const asked = new Map<number, (lines: Lines) => void>()
let worker: Worker | undefined
let lastId = 0

function highlight(text: string, language: string): Promise<Lines> {
  worker ??= start()
  lastId += 1
  const id = lastId
  worker.postMessage({ id, text, language } satisfies HighlightAsk)
  return new Promise((resolve) => asked.set(id, resolve))
}

function start(): Worker {
  const worker = new Worker(workerUrl(source), { type: 'module' })
  worker.addEventListener('message', ({ data }: MessageEvent<HighlightAnswer>) => {
    asked.get(data.id)?.(data.lines)
    asked.delete(data.id)
  })
  return worker
}

/** The lines of a text with their colours, once they are known. */
export function useHighlight(text: string, language: string | undefined): Lines {
  const key = `${language}\n${text}`
  const [lines, setLines] = useState<{ key: string; lines: Lines } | null>(null)
  useEffect(() => {
    if (!language || text.length > MAX_LENGTH || kept.has(key)) return
    let isWanted = true
    void highlight(text, language).then((lines) => {
      kept.set(key, lines)
      const oldest = kept.keys().next()
      if (kept.size > MAX_KEPT && !oldest.done) kept.delete(oldest.value)
      if (isWanted) setLines({ key, lines })
    })
    return () => {
      isWanted = false
    }
  }, [text, language, key])
  return kept.get(key) ?? (lines?.key === key ? lines.lines : null)
}

const LANGUAGES: Record<string, string> = {
  cs: 'csharp',
  h: 'c',
  hpp: 'cpp',
  cc: 'cpp',
  htm: 'xml',
  html: 'xml',
  svg: 'xml',
  js: 'javascript',
  jsx: 'javascript',
  mjs: 'javascript',
  kt: 'kotlin',
  md: 'markdown',
  py: 'python',
  rb: 'ruby',
  rs: 'rust',
  sh: 'bash',
  ts: 'typescript',
  tsx: 'typescript',
  yml: 'yaml',
  toml: 'ini',
  mk: 'makefile',
}

/** The language of a file, by the end of its name. */
export function languageOf(path: string): string {
  const name = path.split('/').at(-1)?.toLowerCase() ?? ''
  if (name === 'dockerfile' || name === 'makefile') return name
  const end = name.split('.').at(-1) ?? ''
  return LANGUAGES[end] ?? end
}
