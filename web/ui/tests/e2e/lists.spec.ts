import { use } from './server'
import { expect, expectAccessible, test } from './test'

const ask = [use('Bash', { command: 'touch here', description: 'Make a file' }), { text: 'Made.' }]

test('a request is decided in the list and in the inbox, without opening the session', async ({
  page,
  server,
}) => {
  await server.task('From the list.', ask)
  await page.goto('/?q=From the list')
  const item = page.getByRole('listitem').filter({ hasText: 'From the list.' })
  await expect(item.getByText('touch here')).toBeVisible()
  await item.getByRole('button', { name: 'Allow' }).click()
  await expect(item.getByText('touch here')).toBeHidden()

  await page.getByRole('link', { name: 'Approvals' }).click()
  await expect(page.getByRole('heading', { name: 'Approvals' })).toBeVisible()
  await expect(page.getByText('From the list.')).toBeHidden()
  await server.task('From the inbox.', ask)
  // The server is that of other tests as well, and what they began may wait beside it.
  const waiting = page.getByRole('listitem').filter({ hasText: 'From the inbox.' })
  await expect(waiting.getByText('Bash wants to run a command')).toBeVisible()
  await expectAccessible(page)
  await waiting.getByRole('button', { name: 'Deny', exact: true }).click()
  await expect(waiting).toBeHidden()
})

test('search and filters are in the address, and a link to them shows the same', async ({ page, server }) => {
  await server.task('A needle to be found.', [{ text: 'ok' }])
  await server.task('Some hay.', [{ text: 'ok' }])
  await page.goto('/')
  await expect(page.getByRole('link', { name: 'Some hay.' })).toBeVisible()
  await page.keyboard.press('/')
  await page.keyboard.type('needle')

  await expect(page.getByRole('link', { name: 'Some hay.' })).toBeHidden()
  await expect(page).toHaveURL(/q=needle/)
  await page.getByLabel('Status').selectOption('running')
  await expect(page.getByText('Nothing matches')).toBeVisible()
  await page.reload()
  await expect(page.getByLabel('Search titles, prompts and results')).toHaveValue('needle')
  await page.getByRole('button', { name: 'Clear the filter' }).click()
  await expect(page.getByRole('link', { name: 'Some hay.' })).toBeVisible()
})

test('the palette finds sessions and goes to views, with the keyboard alone', async ({ page, server }) => {
  await server.task('Find me by palette.', [{ text: 'ok' }])
  await page.goto('/approvals')
  await expect(page.getByRole('heading', { name: 'Approvals' })).toBeVisible()
  await page.keyboard.press('Control+k')
  await page.getByRole('combobox').fill('by palette')
  await expect(page.getByRole('option', { name: /Find me by palette/ })).toBeVisible()
  await expectAccessible(page)
  await page.keyboard.press('Enter')
  await expect(page.getByRole('heading', { level: 1, name: 'Find me by palette.' })).toBeVisible()

  await expect(page.getByRole('dialog')).toBeHidden()
  await page.keyboard.press('g')
  await page.keyboard.press('a')
  await expect(page).toHaveURL(/approvals/)
})

test('nine tabs follow one server', async ({ context, server }) => {
  const tabs = await Promise.all(Array.from({ length: 9 }, () => context.newPage()))
  await Promise.all(tabs.map((tab) => tab.goto('/')))
  await server.task('Seen by nine.', [{ text: 'ok' }])

  for (const tab of tabs) await expect(tab.getByRole('link', { name: 'Seen by nine.' })).toBeVisible()
})
