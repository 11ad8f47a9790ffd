import { marked, type Token, type Tokens } from 'marked'
import { memo, type ReactNode, useMemo } from 'react'
import remend from 'remend'
import { CodeBlock } from '../code/code-block'
import { Inline } from './inline'

interface MarkdownProps {
  text: string
  /** More is on its way: what was begun is closed for now. */
  streaming?: boolean
}

/** Markdown as elements. No HTML is ever made of it: markup in the text is shown as text. */
export const Markdown = memo(function Markdown({ text, streaming }: MarkdownProps) {
  const tokens = useMemo(() => marked.lexer(streaming ? remend(text) : text), [text, streaming])
  return (
    <div className="grid gap-3 leading-relaxed [&>*]:min-w-0">
      {tokens.map((token, at) => (
        <Block key={at} raw={token.raw} token={token} />
      ))}
    </div>
  )
})

/** A block is drawn anew only if its text has changed, so a long answer costs little while it grows. */
const Block = memo(
  function Block({ token }: { raw: string; token: Token }) {
    return block(token)
  },
  (before, now) => before.raw === now.raw,
)

function block(token: Token): ReactNode {
  switch (token.type) {
    case 'heading':
      return heading(token as Tokens.Heading)
    case 'paragraph':
      return (
        <p>
          <Inline tokens={(token as Tokens.Paragraph).tokens} />
        </p>
      )
    case 'code': {
      const { text, lang } = token as Tokens.Code
      return <CodeBlock text={text} language={lang?.split(/\s/)[0]} />
    }
    case 'list':
      return list(token as Tokens.List)
    case 'blockquote':
      return (
        <blockquote className="grid gap-2 border-l-2 border-line-strong pl-4 text-ink-2">
          {(token as Tokens.Blockquote).tokens.map((inner, at) => (
            <Block key={at} raw={inner.raw} token={inner} />
          ))}
        </blockquote>
      )
    case 'table':
      return table(token as Tokens.Table)
    case 'hr':
      return <hr className="border-line" />
    case 'space':
    case 'def':
      return null
    case 'text': {
      const text = token as Tokens.Text
      return text.tokens ? <Inline tokens={text.tokens} /> : text.text
    }
    default:
      return <p>{token.raw}</p>
  }
}

/** A model's headings stand below those of the page, whatever they are among themselves. */
function heading({ depth, tokens }: Tokens.Heading) {
  const size = depth <= 1 ? 'text-lg' : depth === 2 ? 'text-base' : 'text-[0.9375rem]'
  return (
    <h3 data-depth={depth} className={`mt-1 font-semibold ${size}`}>
      <Inline tokens={tokens} />
    </h3>
  )
}

function list({ ordered, start, items }: Tokens.List) {
  const content = items.map((item, at) => (
    <li key={at} className={item.task ? 'list-none' : undefined}>
      {item.task && (
        <input
          type="checkbox"
          checked={item.checked ?? false}
          readOnly
          disabled
          aria-label={item.text}
          className="mr-2"
        />
      )}
      {item.tokens
        .filter((inner) => inner.type !== 'checkbox')
        .map((inner, at) => (
          <Block key={at} raw={inner.raw} token={inner} />
        ))}
    </li>
  ))
  const look = 'grid gap-1.5 pl-5 marker:text-ink-3'
  if (!ordered) return <ul className={`list-disc ${look}`}>{content}</ul>
  return (
    <ol className={`list-decimal ${look}`} start={start === '' ? undefined : start}>
      {content}
    </ol>
  )
}

function table({ header, rows }: Tokens.Table) {
  return (
    <div tabIndex={0} className="scroll-thin overflow-x-auto rounded-lg border border-line">
      <table className="w-full border-collapse text-sm">
        <thead className="bg-sunken text-left">
          <tr>
            {header.map((cell, at) => (
              <th key={at} className="px-3 py-1.5 font-medium">
                <Inline tokens={cell.tokens} />
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, at) => (
            <tr key={at} className="border-t border-line">
              {row.map((cell, at) => (
                <td key={at} className="px-3 py-1.5 align-top">
                  <Inline tokens={cell.tokens} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
