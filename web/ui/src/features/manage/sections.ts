import type { LinkProps } from '@tanstack/react-router'
import type { manage } from '@/i18n/manage'

type Sections = (typeof manage)['en']['sections']

interface Section {
  to: LinkProps['to']
  name: keyof Sections
}

/** The views of the settings, in groups. */
export const SECTIONS: readonly { name: keyof Sections; sections: readonly Section[] }[] = [
  {
    name: 'extensions',
    sections: [
      { to: '/settings/mcp', name: 'mcp' },
      { to: '/settings/skills', name: 'skills' },
      { to: '/settings/plugins', name: 'plugins' },
      { to: '/settings/schedules', name: 'schedules' },
    ],
  },
  {
    name: 'access',
    sections: [
      { to: '/settings/account', name: 'account' },
      { to: '/settings/keys', name: 'keys' },
      { to: '/settings/tokens', name: 'tokens' },
      { to: '/settings/people', name: 'people' },
      { to: '/settings/teams', name: 'teams' },
      { to: '/settings/folders', name: 'folders' },
    ],
  },
  {
    name: 'server',
    sections: [
      { to: '/settings/audit', name: 'audit' },
      { to: '/settings/status', name: 'status' },
    ],
  },
]
