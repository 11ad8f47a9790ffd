import bash from 'highlight.js/lib/languages/bash'
import c from 'highlight.js/lib/languages/c'
import cpp from 'highlight.js/lib/languages/cpp'
import csharp from 'highlight.js/lib/languages/csharp'
import css from 'highlight.js/lib/languages/css'
import diff from 'highlight.js/lib/languages/diff'
import dockerfile from 'highlight.js/lib/languages/dockerfile'
import go from 'highlight.js/lib/languages/go'
import ini from 'highlight.js/lib/languages/ini'
import java from 'highlight.js/lib/languages/java'
import javascript from 'highlight.js/lib/languages/javascript'
import json from 'highlight.js/lib/languages/json'
import kotlin from 'highlight.js/lib/languages/kotlin'
import lua from 'highlight.js/lib/languages/lua'
import makefile from 'highlight.js/lib/languages/makefile'
import markdown from 'highlight.js/lib/languages/markdown'
import php from 'highlight.js/lib/languages/php'
import python from 'highlight.js/lib/languages/python'
import ruby from 'highlight.js/lib/languages/ruby'
import rust from 'highlight.js/lib/languages/rust'
import scss from 'highlight.js/lib/languages/scss'
import sql from 'highlight.js/lib/languages/sql'
import swift from 'highlight.js/lib/languages/swift'
import typescript from 'highlight.js/lib/languages/typescript'
import xml from 'highlight.js/lib/languages/xml'
import yaml from 'highlight.js/lib/languages/yaml'
import { createLowlight } from 'lowlight'

/** A piece of a line, with what it is. */
export type Piece = readonly [text: string, kind: string]

export interface HighlightAsk {
  id: number
  text: string
  language: string
}

export interface HighlightAnswer {
  id: number
  lines: Piece[][] | null
}

const lowlight = createLowlight({
  bash,
  c,
  cpp,
  csharp,
  css,
  diff,
  dockerfile,
  go,
  ini,
  java,
  javascript,
  json,
  kotlin,
  lua,
  makefile,
  markdown,
  php,
  python,
  ruby,
  rust,
  scss,
  sql,
  swift,
  typescript,
  xml,
  yaml,
})
lowlight.registerAlias({ bash: ['console'], ini: ['toml'], typescript: ['mts'], xml: ['vue', 'svelte'] })

interface Node {
  type: string
  value?: string
  children?: Node[]
  properties?: { className?: string[] }
}

/** The tree of the highlighter as lines of pieces. */
function linesOf(root: Node): Piece[][] {
  const lines: Piece[][] = [[]]
  const walk = (node: Node, kind: string) => {
    if (node.type === 'text') {
      for (const [at, text] of (node.value ?? '').split('\n').entries()) {
        if (at > 0) lines.push([])
        if (text) lines.at(-1)?.push([text, kind])
      }
    }
    const own = node.properties?.className?.find((name) => name.startsWith('hljs-'))
    for (const child of node.children ?? []) walk(child, own ?? kind)
  }
  walk(root, '')
  return lines
}

self.addEventListener('message', ({ data }: MessageEvent<HighlightAsk>) => {
  const { id, text, language } = data
  const lines = lowlight.registered(language) ? linesOf(lowlight.highlight(language, text) as Node) : null
  self.postMessage({ id, lines } satisfies HighlightAnswer)
})
