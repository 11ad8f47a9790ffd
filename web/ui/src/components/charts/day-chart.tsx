import { scaleBand, scaleLinear } from 'd3-scale'
import { line } from 'd3-shape'
import { type PointerEvent, useState } from 'react'
import { type ChartSeries, FILLS, STROKES, stacked } from './series'
import { useWidth } from './use-width'

const HEIGHT = 180
const MARGIN = { top: 10, right: 4, bottom: 22, left: 52 }
/** Room that the label of a day takes. */
const LABEL_WIDTH = 64

interface DayChartProps {
  label: string
  kind: 'bars' | 'lines'
  days: readonly string[]
  series: readonly ChartSeries[]
  formatValue: (value: number) => string
  formatDay: (day: string) => string
}

/** Values by day, as bars upon each other or as lines. What it shows is in the table beside it as well. */
export function DayChart({ label, kind, days, series, formatValue, formatDay }: DayChartProps) {
  const { ref, width } = useWidth<HTMLDivElement>()
  const [at, setAt] = useState<number>()
  const columns = stacked(series, days.length)
  const values = kind === 'bars' ? columns.map((column) => column.at(-1)?.to ?? 0) : series.flatMap(known)
  const x = scaleBand<number>()
    .domain(days.map((_, index) => index))
    .range([MARGIN.left, Math.max(MARGIN.left, width - MARGIN.right)])
    .paddingInner(0.25)
  const y = scaleLinear()
    .domain([0, Math.max(...values, 0) || 1])
    .nice(4)
    .range([HEIGHT - MARGIN.bottom, MARGIN.top])
  const middle = (index: number) => (x(index) ?? 0) + x.bandwidth() / 2
  const labelled = Math.ceil(days.length / Math.max(1, Math.floor((width - MARGIN.left) / LABEL_WIDTH)))
  const point = (event: PointerEvent<SVGSVGElement>) => {
    const left = event.clientX - event.currentTarget.getBoundingClientRect().left - MARGIN.left
    const index = Math.floor(left / x.step())
    setAt(index >= 0 && index < days.length ? index : undefined)
  }
  const day = at === undefined ? undefined : days[at]
  return (
    <div ref={ref} className="relative" style={{ height: HEIGHT }}>
      {width > 0 && (
        <svg
          role="img"
          aria-label={label}
          width={width}
          height={HEIGHT}
          onPointerMove={point}
          onPointerDown={point}
          onPointerLeave={() => setAt(undefined)}
          className="block touch-pan-y"
        >
          {y.ticks(4).map((tick) => (
            <g key={tick}>
              <line x1={MARGIN.left} x2={width} y1={y(tick)} y2={y(tick)} className="stroke-line" />
              <text
                x={MARGIN.left - 8}
                y={y(tick)}
                dy="0.32em"
                textAnchor="end"
                className="fill-ink-3 text-[0.6875rem] tabular-nums"
              >
                {formatValue(tick)}
              </text>
            </g>
          ))}
          {days.map(
            (name, index) =>
              index % labelled === 0 && (
                <text
                  key={name}
                  x={index === 0 && days.length > 1 ? MARGIN.left : middle(index)}
                  y={HEIGHT - 5}
                  textAnchor={index === 0 && days.length > 1 ? 'start' : 'middle'}
                  className="fill-ink-3 text-[0.6875rem]"
                >
                  {formatDay(name)}
                </text>
              ),
          )}
          {at !== undefined && (
            <rect
              x={(x(at) ?? 0) - (x.step() - x.bandwidth()) / 2}
              y={MARGIN.top}
              width={x.step()}
              height={HEIGHT - MARGIN.top - MARGIN.bottom}
              className="fill-sunken"
            />
          )}
          {kind === 'bars'
            ? columns.map((column, index) =>
                column.map(({ name, tone, from, to }) => (
                  <rect
                    key={`${index} ${name}`}
                    x={x(index)}
                    y={y(to)}
                    width={Math.min(x.bandwidth(), 40)}
                    height={Math.max(0, y(from) - y(to))}
                    className={FILLS[tone]}
                  />
                )),
              )
            : series.map((one) => <Line key={one.name} series={one} x={middle} y={y} />)}
        </svg>
      )}
      {at !== undefined && day !== undefined && (
        <div
          aria-hidden
          className="pointer-events-none absolute top-1 z-10 rounded-lg border border-line bg-surface px-3 py-2 text-xs shadow-high"
          style={middle(at) > width / 2 ? { right: width - middle(at) + 12 } : { left: middle(at) + 12 }}
        >
          <p className="mb-1 font-medium">{formatDay(day)}</p>
          {series.map(({ name, tone, values }) => {
            const value = values[at]
            return (
              <p key={name} className="flex items-center gap-2 whitespace-nowrap">
                <Swatch tone={tone} />
                <span className="flex-1 text-ink-2">{name}</span>
                <span className="tabular-nums">
                  {value === null || value === undefined ? '—' : formatValue(value)}
                </span>
              </p>
            )
          })}
        </div>
      )}
    </div>
  )
}

function known({ values }: ChartSeries): number[] {
  return values.filter((value) => value !== null)
}

function Line({
  series,
  x,
  y,
}: {
  series: ChartSeries
  x: (index: number) => number
  y: (value: number) => number
}) {
  const path = line<number | null>()
    .defined((value) => value !== null)
    .x((_, index) => x(index))
    .y((value) => y(value ?? 0))(series.values)
  return (
    <g>
      <path d={path ?? ''} className={`fill-none stroke-2 ${STROKES[series.tone]}`} />
      {/* A day between two without values is no line. */}
      {series.values.map(
        (value, index) =>
          value !== null && (
            <circle key={index} cx={x(index)} cy={y(value)} r={2.5} className={FILLS[series.tone]} />
          ),
      )}
    </g>
  )
}

export function Swatch({ tone }: { tone: ChartSeries['tone'] }) {
  return (
    <svg aria-hidden width="10" height="10" className="shrink-0">
      <rect width="10" height="10" rx="3" className={FILLS[tone]} />
    </svg>
  )
}
