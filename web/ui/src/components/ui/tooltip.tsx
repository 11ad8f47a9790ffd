import { Tooltip as Base } from '@base-ui/react/tooltip'
import type { ReactElement, ReactNode } from 'react'
import { Csp } from './csp'

/** A note beside what the pointer or the focus is on; it says nothing that is not said elsewhere too. */
export function Tooltip({ content, children }: { content: ReactNode; children: ReactElement }) {
  return (
    <Csp>
      <Base.Root>
        <Base.Trigger render={children} />
        <Base.Portal>
          <Base.Positioner sideOffset={6} className="z-50">
            <Base.Popup className="max-w-72 rounded-lg bg-ink px-2.5 py-1.5 text-xs text-ground shadow-high">
              {content}
            </Base.Popup>
          </Base.Positioner>
        </Base.Portal>
      </Base.Root>
    </Csp>
  )
}
