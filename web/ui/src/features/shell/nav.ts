import type { LinkProps } from '@tanstack/react-router'
import { ChartColumn, Inbox, type LucideIcon, MessagesSquare, Settings } from 'lucide-react'
import type { common } from '@/i18n/common'

type Words = (typeof common)['en']

export interface NavItem {
  to: LinkProps['to']
  label: (words: Words) => string
  icon: LucideIcon
  /** Two keys in a row that lead there. */
  keys: string
  /** Shows how many requests wait. */
  counts?: 'requests'
}

/** The views, in the order of the rail and of the tabs on a phone. */
export const NAV: readonly NavItem[] = [
  { to: '/', label: (words) => words.sessions, icon: MessagesSquare, keys: 'g s' },
  { to: '/approvals', label: (words) => words.approvals, icon: Inbox, keys: 'g a', counts: 'requests' },
  { to: '/statistics', label: (words) => words.statistics, icon: ChartColumn, keys: 'g u' },
  { to: '/settings', label: (words) => words.settings, icon: Settings, keys: 'g ,' },
]
