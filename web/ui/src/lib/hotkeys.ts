import { useEffect, useRef } from 'react'

/** What a key or two keys in a row do, by their names: `g s`, `?`, `mod+k`. */
export type Hotkeys = Record<string, () => void>

const SEQUENCE_MS = 1200

function isTyping(target: EventTarget | null) {
  if (!(target instanceof HTMLElement)) return false
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)
}

/** Listens while the component is there; plain keys do nothing in inputs, in dialogs and menus. */
export function useHotkeys(hotkeys: Hotkeys) {
  const current = useRef(hotkeys)
  current.current = hotkeys
  useEffect(() => {
    let before: { key: string; at: number } | undefined
    const press = (event: KeyboardEvent) => {
      const isCommand = event.metaKey || event.ctrlKey
      if (event.altKey || event.defaultPrevented || event.isComposing) return
      if (isCommand) return run(event, `mod+${event.key.toLowerCase()}`)
      if (isTyping(event.target) || document.querySelector('[role="dialog"],[role="alertdialog"]')) return
      const isSequence = before && event.timeStamp - before.at < SEQUENCE_MS
      const keys = isSequence ? `${before?.key} ${event.key}` : event.key
      before = { key: event.key, at: event.timeStamp }
      run(event, keys in current.current ? keys : event.key)
    }
    const run = (event: KeyboardEvent, keys: string) => {
      const action = current.current[keys]
      if (!action) return
      event.preventDefault()
      action()
    }
    window.addEventListener('keydown', press)
    return () => window.removeEventListener('keydown', press)
  }, [])
}

/** How the command key is called on this machine. */
export const MOD = /Mac|iPhone|iPad/.test(navigator.userAgent) ? '⌘' : 'Ctrl'
