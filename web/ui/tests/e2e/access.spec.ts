import { Server, use } from './server'
import { expect, expectAccessible, test } from './test'

const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }

test('an admin makes a token, invites somebody, changes their role, and resets their password', async ({
  browser,
  page,
}) => {
  test.slow()
  const server = await Server.start()
  await page.goto(`${server.url}/settings/tokens`)
  await page.locator('main').getByRole('link', { name: 'Create an account' }).click()
  await page.getByLabel('Username').fill('ada')
  await page.getByLabel('Password', { exact: true }).fill('correct horse battery')
  await page.getByRole('button', { name: 'Create an account' }).click()
  await expect(page.getByText('admin')).toBeVisible()

  await page.goto(`${server.url}/settings/tokens`)
  await page.getByRole('button', { name: 'Make a token' }).click()
  await page.getByLabel('Name').fill('CI')
  await expectAccessible(page)
  await page.getByRole('dialog').getByRole('button', { name: 'Make a token' }).click()
  const token = await page.getByLabel('Token', { exact: true }).inputValue()
  const headers = { Authorization: `Bearer ${token}` }
  expect((await fetch(`${server.url}/api/sessions`, { headers })).status).toBe(200)
  await page.getByRole('button', { name: 'Done' }).click()
  await page.getByRole('button', { name: 'Revoke' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Revoke' }).click()
  await expect(page.getByRole('heading', { name: 'No token yet' })).toBeVisible()
  expect((await fetch(`${server.url}/api/sessions`, { headers })).status).toBe(401)

  await page.getByRole('link', { name: 'People' }).click()
  await page.getByRole('button', { name: 'Invite' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Invite' }).click()
  const link = await page.getByLabel('Link').inputValue()
  const context = await browser.newContext(PHONE)
  const grace = await context.newPage()
  await grace.goto(link)
  await grace.getByLabel('Username').fill('grace')
  await grace.getByLabel('Password', { exact: true }).fill('another horse battery')
  await grace.getByRole('button', { name: 'Create an account' }).click()
  await expect(grace).not.toHaveURL(/register/)
  await grace.goto(`${server.url}/settings/people`)
  await expect(grace.getByRole('heading', { name: 'You may not see this' })).toBeVisible()
  await expectAccessible(grace)

  await page.reload()
  await page.getByRole('combobox', { name: 'Role of grace' }).selectOption('viewer')
  await expect(page.getByText('grace is now: Viewer.')).toBeVisible()
  await expectAccessible(page)
  await grace.goto(`${server.url}/settings/mcp`)
  await expect(grace.getByRole('heading', { name: 'No MCP server yet' })).toBeVisible()
  await expect(grace.getByRole('button', { name: 'Add a server' })).toBeHidden()
  await page.getByRole('button', { name: 'Password code' }).click()
  await expect(page.getByRole('textbox', { name: 'Code' })).toHaveValue(/^ccp_/)
  await page.getByRole('button', { name: 'Done' }).click()
  await page
    .getByRole('listitem')
    .filter({ hasText: 'grace' })
    .getByRole('button', { name: 'Remove' })
    .click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Remove' }).click()
  await expect(page.getByText('grace is removed.')).toBeVisible()

  await page.getByRole('link', { name: 'Account' }).click()
  await page.getByLabel('Current password').fill('wrong')
  await page.getByLabel('New password').fill('correct horse staple')
  await page.getByRole('button', { name: 'Change the password' }).click()
  await expect(page.getByRole('alert')).toBeVisible()
  await expectAccessible(page)
  await context.close()
  await server.remove()
})

test('a folder is trusted and forgotten, and the status says what protects', async ({ page }) => {
  await page.goto('/settings/folders')
  await page.getByRole('button', { name: 'Trust a folder' }).click()
  await page.getByRole('textbox', { name: 'Folder' }).fill('.')
  await page.getByRole('dialog').getByRole('button', { name: 'Trust a folder' }).click()
  await expect(page.getByText(/Trusted by local/)).toBeVisible()
  await page.getByRole('button', { name: 'Remove' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Remove' }).click()
  await expect(page.getByRole('heading', { name: 'No folder is trusted' })).toBeVisible()

  await page.getByRole('link', { name: 'Status' }).click()
  await expect(page.getByRole('row', { name: /Processes/ })).toBeVisible()
  await expectAccessible(page)
})

test('the audit trail says who allowed a command', async ({ page, server }) => {
  const write = use('Write', { file_path: '{{cwd}}/note.md', content: 'x' })
  await server.task('Write a note.', [write, { text: 'Written.' }], { permission_mode: 'acceptEdits' })
  await page.goto('/settings/audit?tool=Write&q=note.md')

  await expect(page.getByText('allowed by the permission mode (acceptEdits)')).toBeVisible()
  await expectAccessible(page)
  await page.getByRole('link', { name: /^session:/ }).click()
  await expect(page).toHaveURL(/replay\?at=/)
})
