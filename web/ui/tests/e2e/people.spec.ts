import { Server } from './server'
import { expect, expectAccessible, test } from './test'

test('the first person registers, signs out and in again, and comes back to where they were', async ({
  page,
}) => {
  const server = await Server.start()
  await page.goto(server.url)
  await page.getByRole('button', { name: /Preferences and account/ }).click()
  await page.getByRole('menuitem', { name: 'Create an account' }).click()
  await page.getByLabel('Username').fill('ada')
  await page.getByLabel('Password', { exact: true }).fill('password')
  await page.getByRole('button', { name: 'Create an account' }).click()
  await expect(page.getByLabel('Password', { exact: true })).toHaveAttribute('aria-invalid', 'true')
  await expectAccessible(page)
  await page.getByLabel('Password', { exact: true }).fill('correct horse battery')
  await page.getByRole('button', { name: 'Create an account' }).click()
  await expect(page.getByText('admin')).toBeVisible()

  await page.getByRole('button', { name: /Preferences and account/ }).click()
  await page.getByRole('menuitem', { name: 'Sign out' }).click()
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible()
  await page.goto(`${server.url}/approvals`)
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible()
  await page.getByLabel('Username').fill('ada')
  await page.getByLabel('Password', { exact: true }).fill('wrong horse battery')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await expect(page.getByRole('alert')).toBeVisible()
  await page.getByLabel('Password', { exact: true }).fill('correct horse battery')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await expect(page).toHaveURL(/approvals/)
  await page.goto('about:blank')
  await server.remove()
})

test('an API key that is refused says so at its field', async ({ page }) => {
  await page.goto('/')
  await page.getByRole('button', { name: 'Add a key' }).click()
  const dialog = page.getByRole('dialog', { name: 'Add an API key' })
  await dialog.getByLabel('Anthropic API key').fill('no key')
  await expectAccessible(page)
  await dialog.getByRole('button', { name: 'Add the key' }).click()

  await expect(dialog.getByLabel('Anthropic API key')).toHaveAttribute('aria-invalid', 'true')
})
