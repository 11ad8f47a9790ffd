/** A text under a name in a value that comes from a tool; empty if it has none. */
export function textOf(value: unknown, name: string): string {
  const found = fieldOf(value, name)
  return typeof found === 'string' ? found : ''
}

export function fieldOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  return Object.entries(value).find(([key]) => key === name)?.[1]
}

/** What a tool answered, as text: it comes as a text, or as blocks some of which are texts. */
export function contentText(content: unknown): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content))
    return content === null || content === undefined ? '' : JSON.stringify(content, null, 2)
  return content.map((block) => textOf(block, 'text') || JSON.stringify(block)).join('\n')
}

/** A path from the session's folder on, where it is in there. */
export function shortPath(path: string, dir: string): string {
  return path.startsWith(`${dir}/`) ? path.slice(dir.length + 1) : path
}
