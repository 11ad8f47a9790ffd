// Before anything is painted: the theme and the language that were chosen, or those of the system.
;(() => {
  const stored = (name) => {
    try {
      return localStorage.getItem(name)
    } catch {
      return null
    }
  }
  const theme = stored('theme') ?? 'system'
  const isDark =
    theme === 'dark' || (theme === 'system' && matchMedia('(prefers-color-scheme: dark)').matches)
  document.documentElement.dataset.theme = isDark ? 'dark' : 'light'
  const locale = stored('locale') ?? (navigator.language.startsWith('zh') ? 'zh-CN' : 'en')
  document.documentElement.lang = locale
})()
