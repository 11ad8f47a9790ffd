import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { script, use } from './server'
import { expect, expectAccessible, test } from './test'

const write = (name: string, text: string) => use('Write', { file_path: `{{cwd}}/${name}`, content: text })

test('from the first prompt to the first result', async ({ page, server }) => {
  await page.goto('/')
  await page
    .getByRole('textbox', { name: 'Prompt' })
    .fill(
      script('Say hello.', [
        { blocks: [{ thinking: 'A greeting.' }, { text: 'Hello, **you**.' }], chunk_delay_ms: 10 },
      ]),
    )
  await page.keyboard.press('Enter')

  await expect(page.getByRole('heading', { level: 1, name: 'Say hello.' })).toBeVisible()
  await expect(page.getByRole('log').getByText('Hello, you.')).toBeVisible()
  await expect(page.getByText('Turn finished')).toBeVisible()
  await page.getByRole('button', { name: 'Thought' }).click()
  await expect(page.getByText('A greeting.')).toBeVisible()
  await expectAccessible(page)

  await page.getByRole('link', { name: 'Sessions' }).first().click()
  await expect(page.getByRole('link', { name: 'Say hello.' }).first()).toBeVisible()
  const sessions = expect.arrayContaining([expect.objectContaining({ title: 'Say hello.' })])
  expect(await server.get('/api/sessions')).toMatchObject({ sessions })
})

test('a change is shown before it is allowed, and done when it is', async ({ page, server }) => {
  const id = await server.task('Write a file.', [write('allowed.txt', 'one\ntwo\n'), { text: 'Written.' }])
  await page.goto(`/sessions/${id}`)

  const request = page.getByRole('article', { name: 'Request' })
  await expect(request.getByText('two')).toBeVisible()
  expect(existsSync(join(server.workspace, 'allowed.txt'))).toBe(false)
  await request.getByRole('button', { name: 'Allow', exact: true }).click()

  await expect(page.getByText('Written.')).toBeVisible()
  await expect(page.getByText('Allowed by local')).toBeVisible()
  expect(readFileSync(join(server.workspace, 'allowed.txt'), 'utf8')).toBe('one\ntwo\n')
  await expect(page.getByRole('tabpanel').getByText('allowed.txt')).toBeVisible()
})

test('a tool is denied with a message, and another one used with what was edited', async ({
  page,
  server,
}) => {
  const replies = [write('no.txt', 'x'), write('edit.txt', 'before'), { text: 'The end.' }]
  const id = await server.task('Write two files.', replies)
  await page.goto(`/sessions/${id}`)
  const request = page.getByRole('article', { name: 'Request' })

  await request.getByRole('button', { name: 'Deny with a message' }).click()
  await request.getByLabel('Message to Claude').fill('not here')
  await request.getByRole('button', { name: 'Deny' }).click()
  await expect(page.getByText('Denied by local')).toBeVisible()

  await request.getByRole('button', { name: 'Edit, then allow' }).click()
  const input = request.getByLabel('Edit what the tool gets')
  await input.fill((await input.inputValue()).replace('before', 'after'))
  await request.getByRole('button', { name: 'Allow' }).click()
  await expect(page.getByText('The end.')).toBeVisible()
  expect(readFileSync(join(server.workspace, 'edit.txt'), 'utf8')).toBe('after')
  expect(existsSync(join(server.workspace, 'no.txt'))).toBe(false)
})

test('a question is answered and a plan is sent back before it is approved', async ({ page, server }) => {
  const options = ['Red', 'Blue'].map((label) => ({ label, description: `It is ${label}` }))
  const question = { question: 'Which colour?', header: 'Colour', options, multiSelect: false }
  const asking = await server.task('Ask me.', [
    use('AskUserQuestion', { questions: [question] }),
    { text: 'Nice.' },
  ])
  const plans = ['first', 'second'].map((plan) => use('ExitPlanMode', { plan: `The ${plan} plan` }))
  const planning = await server.task('Plan it.', [...plans, { text: 'Done.' }], { permission_mode: 'plan' })

  await page.goto(`/sessions/${asking}`)
  await page.getByText('It is Blue').click()
  await page.getByRole('button', { name: 'Answer', exact: true }).click()
  await expect(page.getByText('Nice.')).toBeVisible()
  await expect(page.getByRole('log').getByRole('definition')).toHaveText('Blue')

  await page.goto(`/sessions/${planning}`)
  await expect(page.getByText('The first plan')).toBeVisible()
  await page.getByLabel('Message to Claude').fill('think again')
  await page.getByRole('button', { name: 'Keep planning' }).click()
  await expect(page.getByText('The second plan')).toBeVisible()
  await page.getByRole('button', { name: 'Approve the plan' }).click()
  await expect(page.getByText('Done.')).toBeVisible()
})

test('a word is given to the turn that runs', async ({ page, server }) => {
  const id = await server.task('Begin.', [{ text: 'Begun.' }])
  await server.post(`/api/sessions/${id}/prompts`, {
    prompt: script('Take your time.', [use('Bash', { command: 'sleep 3' }), { text: 'The end.' }]),
  })
  await page.goto(`/sessions/${id}`)
  await page.getByRole('textbox', { name: 'Prompt' }).fill('Mind the gap.')
  await page.getByRole('button', { name: 'To the running turn' }).click()

  await expect(page.getByText('said meanwhile')).toBeVisible()
  await expect(page.getByText('The end.')).toBeVisible()
})

test('a turn is interrupted with the keyboard, and a queued prompt is taken back', async ({
  page,
  server,
}) => {
  const id = await server.task('Begin.', [{ text: 'Begun.' }])
  await page.goto(`/sessions/${id}`)
  const prompt = page.getByRole('textbox', { name: 'Prompt' })
  await prompt.fill(script('Work for ever.', [{ text: 'working', hang: true }]))
  await prompt.press('Enter')
  await expect(page.getByRole('button', { name: 'Interrupt' })).toBeVisible()

  await prompt.fill('And then this.')
  await prompt.press('Enter')
  await expect(page.getByText('Waits for its turn')).toBeVisible()
  await page.getByRole('button', { name: 'Take back' }).click()
  await expect(page.getByText('Waits for its turn')).toBeHidden()

  await prompt.press('Escape')
  await expect(page.getByText('Esc again interrupts')).toBeVisible()
  await prompt.press('Escape')
  await expect(page.getByText('Turn interrupted')).toBeVisible()
})

test('a reload in mid-turn loses nothing, two tabs agree, and a restart leaves no gap', async ({
  context,
  server,
}) => {
  const id = await server.task('Begin.', [{ text: 'Begun.' }])
  const [page, other] = [await context.newPage(), await context.newPage()]
  for (const tab of [page, other]) await tab.goto(`/sessions/${id}`)
  await server.post(`/api/sessions/${id}/prompts`, {
    prompt: script('Slowly.', [
      { text: 'one two three four five', chunk_delay_ms: 300 },
      write('x.txt', 'x'),
    ]),
  })
  await expect(page.getByText('one two')).toBeVisible()
  await page.reload()

  for (const tab of [page, other]) {
    await expect(tab.getByText('one two three four five')).toHaveCount(1)
    await expect(tab.getByText('Begun.')).toHaveCount(1)
  }
  await server.end()
  await expect(page.getByRole('banner').getByText(/Reconnecting in/)).toBeVisible()
  await server.run()
  await server.post(`/api/sessions/${id}/prompts`, {
    prompt: script('Again.', [{ text: 'After the restart.' }]),
  })
  for (const tab of [page, other]) await expect(tab.getByText('After the restart.')).toBeVisible()
})

test('a long session opens at its end, and has its beginning for whoever goes back there', async ({
  page,
  server,
}) => {
  const blocks = Array.from({ length: 450 }, (_, at) => ({ text: `Line ${at + 1} of many.` }))
  const id = await server.task('Talk a lot.', [{ blocks }])
  await page.goto(`/sessions/${id}`)

  await expect(page.getByText('Line 450 of many.')).toBeInViewport()
  await expect(page.getByText('Line 1 of many.')).toHaveCount(0)
  await page.getByRole('log').hover()
  await expect(async () => {
    await page.mouse.wheel(0, -20_000)
    await expect(page.getByText('Line 1 of many.')).toBeInViewport({ timeout: 500 })
  }).toPass()
  expect(await page.getByRole('log').locator('[data-index]').count()).toBeLessThan(100)
  await page.getByRole('button', { name: 'To the latest' }).click()
  await expect(page.getByText('Line 450 of many.')).toBeInViewport()
})
