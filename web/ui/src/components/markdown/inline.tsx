import type { Token, Tokens } from 'marked'
import { Fragment, type ReactNode } from 'react'

const LINK = 'text-accent underline decoration-accent/40 underline-offset-2 hover:decoration-accent'

export function Inline({ tokens }: { tokens: Token[] }) {
  return tokens.map((token, at) => <Fragment key={at}>{inline(token)}</Fragment>)
}

function inline(token: Token): ReactNode {
  switch (token.type) {
    case 'strong':
      return (
        <strong className="font-semibold">
          <Inline tokens={(token as Tokens.Strong).tokens} />
        </strong>
      )
    case 'em':
      return (
        <em>
          <Inline tokens={(token as Tokens.Em).tokens} />
        </em>
      )
    case 'del':
      return (
        <del>
          <Inline tokens={(token as Tokens.Del).tokens} />
        </del>
      )
    case 'codespan':
      return (
        <code className="rounded bg-sunken px-1 py-0.5 text-[0.9em]">{(token as Tokens.Codespan).text}</code>
      )
    case 'br':
      return <br />
    case 'link': {
      const { href, tokens } = token as Tokens.Link
      return (
        <SafeLink href={href}>
          <Inline tokens={tokens} />
        </SafeLink>
      )
    }
    // A picture from elsewhere would tell its server what is read here.
    case 'image': {
      const { href, text } = token as Tokens.Image
      return <SafeLink href={href}>{text || href}</SafeLink>
    }
    case 'escape':
      return (token as Tokens.Escape).text
    case 'text': {
      const text = token as Tokens.Text
      return text.tokens ? <Inline tokens={text.tokens} /> : withoutEscapes(text.text)
    }
    default:
      return token.raw
  }
}

/** The lexer escapes what stands for itself in HTML; elements need it as it was. */
function withoutEscapes(text: string): string {
  const characters: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" }
  return text.replace(/&(amp|lt|gt|quot|#39);/g, (_, name: string) => characters[name] ?? '')
}

/** A link only where it leads to a page or a mail; anything else is shown as text. */
function SafeLink({ href, children }: { href: string; children: ReactNode }) {
  const isSafe = /^(https?:|mailto:)/i.test(href)
  if (!isSafe) return <span>{children}</span>
  return (
    <a href={href} target="_blank" rel="noreferrer noopener" className={LINK}>
      {children}
    </a>
  )
}
