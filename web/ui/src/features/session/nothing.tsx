/** A panel that has nothing to show. */
export function Nothing({ children }: { children: string }) {
  return <p className="py-8 text-center text-sm text-ink-3">{children}</p>
}
