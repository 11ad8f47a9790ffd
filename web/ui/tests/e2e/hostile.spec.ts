import { use } from './server'
import { expect, test } from './test'

const CODES = [
  'window.hit=1',
  'parent.hit=1',
  'top.hit=1',
  'globalThis.hit=1',
  'self["hit"]=1',
  'Function("hit=1")()',
  'eval("hit=1")',
  'import("data:text/javascript,hit=1")',
  'setTimeout("hit=1")',
  'document.title="hit"',
]

const CARRIERS = [
  (code: string) => `<script>${code}</script>`,
  (code: string) => `<img src=x onerror='${code}'>`,
  (code: string) => `<svg/onload='${code}'>`,
  (code: string) => `<details open ontoggle='${code}'>`,
  (code: string) => `<iframe srcdoc="<script>${code}</script>"></iframe>`,
  (code: string) => `<body onload='${code}'>`,
  (code: string) => `<input autofocus onfocus='${code}'>`,
  (code: string) => `<a href='javascript:${code}'>x</a>`,
  (code: string) => `[x](javascript:${code})`,
  (code: string) => `![x](javascript:${code})`,
  (code: string) => `[x](data:text/html,<script>${code}</script>)`,
  (code: string) => `<math><mtext></form><form><mglyph><style></math><img src onerror='${code}'>`,
  (code: string) => `"><script>${code}</script>`,
  (code: string) => `\`\`\`html\n</code></pre><script>${code}</script>\n\`\`\``,
  (code: string) => `| a |\n|---|\n| <img src=x onerror='${code}'> |`,
]

const PAYLOADS = CARRIERS.flatMap((carry) => CODES.map(carry))

test('150 payloads in what models, tools, files and people say do nothing', async ({ page, server }) => {
  expect(PAYLOADS).toHaveLength(150)
  const text = PAYLOADS.join('\n\n')
  const writes = PAYLOADS.slice(0, 8).map((payload) =>
    use('Write', { file_path: `{{cwd}}/${payload.replaceAll('/', '')}`, content: text }),
  )
  const replies = [
    { blocks: [{ thinking: text }, { text }, ...writes] },
    use('Bash', { command: `python3 - <<'END'\n${text}\nEND`, description: PAYLOADS[1] }),
    { text },
  ]
  const id = await server.task(PAYLOADS[0] ?? '', replies, {
    permission_mode: 'acceptEdits',
    title: PAYLOADS[1],
  })
  await page.exposeFunction('violated', () => expect(null, 'the policy had to step in').toBe('nothing'))
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', () => Reflect.get(window, 'violated')())
  })

  for (const path of ['/', `/sessions/${id}`, '/approvals', `/sessions/${id}/replay`]) {
    await page.goto(path)
    await expect(page.getByRole('main')).toContainText('hit=1')
    for (const button of await page.getByRole('log').getByRole('button', { expanded: false }).all()) {
      await button.click()
    }
    expect(await page.evaluate(() => Reflect.get(window, 'hit'))).toBeUndefined()
    expect(await page.title()).not.toBe('hit')
    expect(await page.locator('a[href^="javascript:"], a[href^="data:"], iframe, img[src="x"]').count()).toBe(
      0,
    )
  }
})
