import { use } from './server'
import { expect, expectAccessible, test } from './test'

test('a session is seen as it was, by the scrubber, by steps and by a link', async ({ page, server }) => {
  const write = use('Write', { file_path: '{{cwd}}/then.txt', content: 'then\n' })
  const id = await server.task('Write it down.', [{ text: 'I begin.' }, write], {
    permission_mode: 'acceptEdits',
  })
  await server.task('And again.', [{ blocks: [{ text: 'First.' }, write] }, { text: 'Last words.' }], {
    resume: id,
    permission_mode: 'acceptEdits',
  })
  await page.goto(`/sessions/${id}/replay`)
  await expect(page.getByText('Last words.')).toBeVisible()
  await expectAccessible(page)

  const scrubber = page.getByRole('slider', { name: 'Position' })
  await scrubber.focus()
  await page.keyboard.press('Home')
  await expect(page.getByText('Last words.')).toBeHidden()
  await expect(scrubber).toHaveAttribute('aria-valuetext', /Event 1 of/)
  await page.getByRole('button', { name: 'Next turn' }).click()
  await expect(page.getByText('Write it down.').last()).toBeVisible()
  await expect(page).toHaveURL(/at=2/)
  await page.reload()
  await expect(scrubber).toHaveAttribute('aria-valuetext', /Event 2 of/)

  await page.getByLabel('Speed').selectOption('16')
  await page.getByRole('button', { name: 'Play' }).click()
  await expect(page.getByText('Last words.')).toBeVisible()
  await page.getByRole('tab', { name: 'Info' }).click()
  await page.getByText('Verified').click()
  await expect(page.getByText(/were computed anew/)).toBeVisible()
})

test('a fork goes on from the same history', async ({ page, server }) => {
  const id = await server.task('The common part.', [{ text: 'Shared.' }])
  await page.goto(`/sessions/${id}`)
  await page.getByRole('button', { name: 'Session actions' }).click()
  await page.getByRole('menuitem', { name: 'Fork from here' }).click()

  await expect(page).not.toHaveURL(new RegExp(id))
  await page.getByRole('tab', { name: 'Info' }).click()
  await expect(page.getByRole('link', { name: id })).toBeVisible()
})
