import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { BookOpen, ChevronsUpDown, Ellipsis, LogOut, UserPlus } from 'lucide-react'
import type { ReactElement } from 'react'
import { api } from '@/api/client'
import { meQuery } from '@/api/queries'
import { Menu, MenuChoices, MenuItem, MenuSeparator } from '@/components/ui/menu'
import { toastProblem } from '@/components/ui/toast'
import { useText } from '@/i18n'
import { common } from '@/i18n/common'
import { LOCALES, setLocale, useLocale } from '@/i18n/locale'
import { setTheme, THEMES, useTheme } from '@/lib/theme'
import { tabClass } from './bottom-tabs'
import { NAV } from './nav'

const LANGUAGES = { en: 'English', 'zh-CN': '简体中文' }

/** Who is signed in, with what they can choose. */
export function AccountMenu() {
  const t = useText(common)
  const { data: me } = useQuery(meQuery)
  const isLocal = me?.registered_at === null
  const name = me?.username ?? ''
  return (
    <Preferences
      isLocal={isLocal}
      side="top"
      trigger={
        <button
          type="button"
          className="flex w-full items-center gap-2.5 rounded-lg px-2 py-1.5 text-left hover:bg-sunken"
        >
          <span
            aria-hidden
            className="flex size-7 items-center justify-center rounded-full bg-accent-soft text-xs font-semibold text-accent uppercase"
          >
            {name.slice(0, 2)}
          </span>
          <span className="min-w-0 flex-1 leading-tight">
            <span className="block truncate text-sm font-medium">{name}</span>
            <span className="block truncate text-xs text-ink-3">{isLocal ? t.localUser : me?.role}</span>
          </span>
          <span className="sr-only">{t.preferences}</span>
          <ChevronsUpDown aria-hidden className="size-4 text-ink-3" />
        </button>
      }
    />
  )
}

/** The same on a phone, with the views that have no tab there. */
export function AccountTab() {
  const t = useText(common)
  const { data: me } = useQuery(meQuery)
  return (
    <Preferences
      isLocal={me?.registered_at === null}
      side="top"
      trigger={
        <button type="button" className={tabClass}>
          <Ellipsis aria-hidden className="size-5" />
          {t.more}
        </button>
      }
      withViews
    />
  )
}

interface PreferencesProps {
  isLocal: boolean
  side: 'top' | 'bottom'
  trigger: ReactElement
  withViews?: boolean
}

function Preferences({ isLocal, side, trigger, withViews }: PreferencesProps) {
  const t = useText(common)
  const theme = useTheme()
  const locale = useLocale()
  const navigate = useNavigate()
  const client = useQueryClient()
  const signOut = async () => {
    await api.POST('/api/auth/logout', { body: {} }).catch(toastProblem)
    client.clear()
    await navigate({ to: '/login' })
  }
  return (
    <Menu trigger={trigger} side={side} align={withViews ? 'end' : 'start'}>
      {withViews && (
        <>
          {NAV.slice(3).map(({ keys, to, label, icon: Icon }) => (
            <MenuItem
              key={keys}
              icon={<Icon aria-hidden className="size-4" />}
              onSelect={() => void navigate({ to })}
            >
              {label(t)}
            </MenuItem>
          ))}
          {NAV.length > 3 && <MenuSeparator />}
        </>
      )}
      <MenuChoices
        label={t.theme}
        value={theme}
        onValue={setTheme}
        options={THEMES.map((value) => ({ value, label: t.themes[value] }))}
      />
      <MenuChoices
        label={t.language}
        value={locale}
        onValue={setLocale}
        options={LOCALES.map((value) => ({ value, label: LANGUAGES[value] }))}
      />
      <MenuSeparator />
      <MenuItem
        icon={<BookOpen aria-hidden className="size-4" />}
        onSelect={() => window.location.assign('/docs')}
      >
        {t.apiDocs}
      </MenuItem>
      {isLocal ? (
        <MenuItem
          icon={<UserPlus aria-hidden className="size-4" />}
          onSelect={() => void navigate({ to: '/register' })}
        >
          {t.register}
        </MenuItem>
      ) : (
        <MenuItem icon={<LogOut aria-hidden className="size-4" />} onSelect={() => void signOut()}>
          {t.signOut}
        </MenuItem>
      )}
    </Menu>
  )
}
