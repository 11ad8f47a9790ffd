import type { ReactNode } from 'react'
import { createContext, useContext, useState } from 'react'
import type { ToolRequest, ToolRow } from '@/stream/rows'

/** What renderers need of the view that they stand in. */
export interface EventsContext {
  workingDir: string
  /** Which rows are open; it outlives rows that are scrolled out of sight. */
  open: Map<string, boolean>
  /** Draws a request that waits where the tool stands that asks. */
  request?: (request: ToolRequest) => ReactNode
  /** A link to an event. */
  link?: (version: number) => string
}

const Context = createContext<EventsContext>({ workingDir: '', open: new Map() })

export const EventsProvider = Context.Provider
export const useEvents = () => useContext(Context)

/** Whether a row is open, and how to change that. */
export function useOpen(key: string, isOpenAtFirst: boolean): [boolean, () => void] {
  const { open } = useEvents()
  const [isOpen, setOpen] = useState(open.get(key) ?? isOpenAtFirst)
  const toggle = () => {
    open.set(key, !isOpen)
    setOpen(!isOpen)
  }
  return [isOpen, toggle]
}

/** A renderer gets one row and no store. */
export interface ToolProps {
  row: ToolRow
}
