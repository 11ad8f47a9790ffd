import { mkdir } from 'node:fs/promises'
import type { Browser, Page } from '@playwright/test'
import type { Server } from './server'
import { use } from './server'
import { expect, expectAccessible, test } from './test'

const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }
const DESKTOP = { viewport: { width: 1280, height: 800 } }

interface Look {
  theme: 'light' | 'dark'
  locale: 'en' | 'zh-CN'
  size: 'desktop' | 'phone'
}

/** Between them each language, theme and size. */
const LOOKS: Look[] = [
  { theme: 'light', locale: 'en', size: 'desktop' },
  { theme: 'dark', locale: 'zh-CN', size: 'phone' },
]

async function open(browser: Browser, server: Server, { theme, locale, size }: Look): Promise<Page> {
  const context = await browser.newContext({ baseURL: server.url, ...(size === 'phone' ? PHONE : DESKTOP) })
  await context.addInitScript(
    ([theme, locale]) => {
      localStorage.setItem('theme', theme)
      localStorage.setItem('locale', locale)
    },
    [theme, locale] as const,
  )
  return context.newPage()
}

const CODE = `GREETINGS = {"en": "Hello", "fr": "Bonjour", "zh": "你好"}


def greet(name, language="en"):
    return f"{GREETINGS[language]}, {name}!"
`

/** A session with a bit of everything, which waits in the end. */
async function example(server: Server): Promise<string> {
  const file = '{{cwd}}/greeting.py'
  return server.task(
    'Let the greeting speak several languages.',
    [
      {
        blocks: [
          { thinking: 'The function is small; one table of words is enough.' },
          { text: 'I write the new version first, then I try it.' },
          use('Write', { file_path: file, content: CODE }),
        ],
      },
      {
        blocks: [
          { text: 'An unknown language should **fall back to English**, and not end the program:' },
          use('Edit', {
            file_path: file,
            old_string: '    return f"{GREETINGS[language]}, {name}!"',
            new_string: '    return f"{GREETINGS.get(language, GREETINGS[\'en\'])}, {name}!"',
          }),
        ],
      },
      use('Bash', {
        command: "python3 -c \"import greeting; print(greeting.greet('Ada', 'fr'))\"",
        description: 'Try it in French',
      }),
      { text: 'It works.' },
    ],
    { permission_mode: 'acceptEdits' },
  )
}

/** Pictures of the README are taken on request, so that a test run changes no file of the repository. */
async function picture(page: Page, name: string) {
  const folder = process.env.PICTURES
  if (!folder) return
  await mkdir(folder, { recursive: true })
  await page.screenshot({ path: `${folder}/${name}.png`, animations: 'disabled' })
}

test('every view is accessible in both languages, both themes, on desktops and phones', async ({
  browser,
  server,
}) => {
  const id = await example(server)
  for (const look of LOOKS) {
    const page = await open(browser, server, look)
    const name = `${look.size}-${look.theme}`
    const views = {
      sessions: '/',
      session: `/sessions/${id}`,
      approvals: '/approvals',
      replay: `/sessions/${id}/replay`,
      login: '/login',
    }
    for (const [view, path] of Object.entries(views)) {
      await page.goto(path)
      await expect(page.locator('h1')).toBeVisible()
      await expect(page.getByRole('status', { name: /Loading|正在加载/ })).toHaveCount(0)
      if (view === 'session') await expect(page.locator('[data-request]')).toBeVisible()
      await expectAccessible(page)
      expect(
        await page.evaluate(() => document.documentElement.scrollWidth - innerWidth),
      ).toBeLessThanOrEqual(0)
      expect(await page.evaluate(() => document.documentElement.lang)).toBe(look.locale)
      await picture(page, `${view}-${name}`)
    }
    await page.context().close()
  }
})
