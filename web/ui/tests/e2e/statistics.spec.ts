import { readFile } from 'node:fs/promises'
import { use } from './server'
import { expect, expectAccessible, test } from './test'

test('what a turn did is counted, shown as a chart, as a table and as a file', async ({ page, server }) => {
  await server.task('Look around.', [use('Glob', { pattern: '*' }), { text: 'Nothing here.' }])
  await page.goto('/statistics?days=7&by=tool')

  await expect(page.getByRole('img', { name: 'Cost' })).toBeVisible()
  const byTool = page.getByRole('region', { name: 'Uses of tools · By tool' })
  await expect(byTool.getByText('Glob')).toBeVisible()
  await expectAccessible(page)

  await byTool.getByRole('button', { name: /show as a table/ }).click()
  await expect(byTool.getByRole('row', { name: /Glob/ })).toBeVisible()
  const [file] = await Promise.all([
    page.waitForEvent('download'),
    byTool.getByRole('button', { name: /download as CSV/ }).click(),
  ])
  expect(await readFile(await file.path(), 'utf8')).toMatch(/\r\nGlob,1,/)

  await page.getByRole('tab', { name: 'Model' }).click()
  await expect(page).not.toHaveURL(/by=tool/)
  await page.getByRole('button', { name: '1 year' }).click()
  await expect(page).toHaveURL(/days=.*365/)
  await expect(page.getByRole('region', { name: 'Cost · By model' })).toBeVisible()
})

test('days without anything say so', async ({ page }) => {
  await page.goto('/statistics?from=2020-01-01&to=2020-01-31')

  await expect(page.getByRole('heading', { name: 'Nothing happened in these days' })).toBeVisible()
  await expectAccessible(page)
})
