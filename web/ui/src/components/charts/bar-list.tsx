export interface Bar {
  key: string
  name: string
  value: number
  shown: string
}

/** Amounts by name, the largest first, as bars that lie. */
export function BarList({ label, bars }: { label: string; bars: readonly Bar[] }) {
  const most = Math.max(...bars.map(({ value }) => value), 0) || 1
  return (
    <ul aria-label={label} className="grid gap-2.5">
      {bars.map(({ key, name, value, shown }) => (
        <li key={key}>
          <p className="mb-1 flex items-baseline gap-3 text-sm">
            <span className="min-w-0 flex-1 truncate" title={name}>
              {name}
            </span>
            <span className="shrink-0 tabular-nums">{shown}</span>
          </p>
          <span aria-hidden className="block h-2 overflow-hidden rounded-full bg-sunken">
            <span
              className="block h-full rounded-full bg-accent"
              style={{ width: `${Math.max((value / most) * 100, value > 0 ? 0.5 : 0)}%` }}
            />
          </span>
        </li>
      ))}
    </ul>
  )
}
