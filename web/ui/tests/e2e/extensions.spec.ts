import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { use } from './server'
import { expect, expectAccessible, test } from './test'

interface Call {
  id?: number
  method: string
  params: { protocolVersion?: string }
}

const RESULTS: Record<string, (call: Call) => object> = {
  initialize: ({ params }) => ({
    protocolVersion: params.protocolVersion,
    capabilities: { tools: {} },
    serverInfo: { name: 'demo', version: '1' },
  }),
  'tools/list': () => ({
    tools: [{ name: 'read_issue', description: 'Reads an issue', inputSchema: { type: 'object' } }],
  }),
}

/** An MCP server in a few lines. */
async function startIssues(): Promise<{ url: string; end: () => void }> {
  const issues = createServer(async (request, response) => {
    if (request.method !== 'POST') return response.writeHead(405).end()
    const call: Call = JSON.parse(await text(request))
    if (call.id === undefined) return response.writeHead(202).end()
    const result = RESULTS[call.method]?.(call) ?? {}
    response.setHeader('Content-Type', 'application/json')
    response.end(JSON.stringify({ jsonrpc: '2.0', id: call.id, result }))
  }).listen(0, '127.0.0.1')
  await once(issues, 'listening')
  const address = issues.address()
  if (typeof address !== 'object' || !address) throw new Error('there is no port')
  return { url: `http://127.0.0.1:${address.port}/mcp`, end: () => issues.close() }
}

test('an MCP server is added from its README, tested, used in a session, changed, turned off and removed', async ({
  page,
  server,
}) => {
  const issues = await startIssues()
  await page.goto('/settings/mcp')
  await expectAccessible(page)
  await page.getByRole('button', { name: 'Add a server' }).click()
  const form = page.getByRole('dialog', { name: 'Add an MCP server' })
  await form.getByText('Paste a configuration').first().click()
  const json = { mcpServers: { 'my issues': { url: issues.url, headers: { TOKEN: 'x' } } } }
  await form.getByLabel('Paste a configuration').fill(JSON.stringify(json))
  await form.getByRole('button', { name: 'Take it over' }).click()
  await form.getByRole('button', { name: 'Add a server' }).click()
  await expect(form.getByLabel('Name', { exact: true }).first()).toHaveAttribute('aria-invalid', 'true')
  await expectAccessible(page)
  await form.getByLabel('Name', { exact: true }).first().fill('issues')
  await form.getByRole('button', { name: 'Add a server' }).click()
  await expect(page.getByText('read_issue')).toBeVisible()
  await expectAccessible(page)

  const session = await server.task('Read it.', [use('mcp__issues__read_issue', {}), { text: 'Read.' }])
  const { requests } = await server.get<{ requests: { tool_name: string }[] }>(
    `/api/sessions/${session}/requests`,
  )
  expect(requests.map(({ tool_name }) => tool_name)).toEqual(['mcp__issues__read_issue'])
  await expect(page.getByRole('link', { name: /connected/ })).toBeVisible()

  await page.getByRole('button', { name: 'Edit' }).click()
  await page.getByLabel('TOKEN Value').fill('y')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('switch').click()
  await expect(page.getByText('issues is not in use any more.')).toBeVisible()
  await page.getByRole('button', { name: 'History' }).click()
  await page.getByRole('button', { name: 'Restore version 1' }).click()
  await expect(page.getByText('Version 1 holds again.')).toBeVisible()
  await page.getByRole('button', { name: 'Remove', exact: true }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Remove' }).click()
  await expect(page.getByRole('heading', { name: 'No MCP server yet' })).toBeVisible()
  issues.end()
})

test('a skill is turned on, one is written and changed, and one is imported', async ({ page, server }) => {
  await page.goto('/settings/skills')
  await page.getByRole('switch', { name: 'Use code-review' }).click()
  await expect(page.getByText('code-review is in use.')).toBeVisible()
  await page.getByRole('button', { name: 'Write a skill' }).click()
  await page.getByLabel('Name').fill('release-notes')
  await page.getByLabel(/What it is for/).fill('Writes release notes')
  await page.getByLabel('Instruction').fill('Read the log since the last tag.')
  await expectAccessible(page)
  await page.getByRole('button', { name: 'Save' }).click()
  const item = page.getByRole('listitem').filter({ hasText: 'release-notes' })
  await item.getByRole('button', { name: 'Edit' }).click()
  await page.getByLabel('Instruction').fill('Read the log, all of it.')
  await page.getByRole('button', { name: 'Save' }).click()
  await expect(page.getByRole('dialog')).toBeHidden()
  const stored = await server.get<{ instruction: string }>('/api/skills/release-notes')
  expect(stored.instruction).toBe('Read the log, all of it.')

  await page.getByRole('button', { name: 'Import' }).click()
  const buffer = Buffer.from('---\nname: notes\ndescription: Notes\nallowed-tools: Bash\n---\nDo it.')
  await page.getByLabel('File').setInputFiles({ name: 'SKILL.md', mimeType: 'text/markdown', buffer })
  await page.getByRole('dialog').getByRole('button', { name: 'Import' }).click()
  await expect(page.getByText('notes is imported. Not taken from the file: allowed-tools.')).toBeVisible()
  await expectAccessible(page)
})

test('a plugin is installed from a folder, says what it brings, and is removed', async ({ page, server }) => {
  const folder = join(server.workspace, 'kit')
  await mkdir(join(folder, '.claude-plugin'), { recursive: true })
  await mkdir(join(folder, 'commands'))
  await writeFile(join(folder, '.claude-plugin/plugin.json'), '{"name": "kit", "version": "1.4.0"}')
  await writeFile(join(folder, 'commands/ship.md'), 'Ship it.')
  await page.goto('/settings/plugins')
  await page.getByRole('button', { name: 'Install a plugin' }).click()
  const form = page.getByRole('dialog')
  await form.getByLabel('From').selectOption('folder')
  await form.getByLabel('Folder of the plugin').fill('kit')
  await form.getByRole('button', { name: 'Install a plugin' }).click()
  await expect(page.getByText('ship', { exact: true })).toBeVisible()
  await expectAccessible(page)
  await page.getByRole('button', { name: 'Remove' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Remove' }).click()
  await expect(page.getByRole('heading', { name: 'No plugin yet' })).toBeVisible()
})

test('a schedule says what is wrong with its time, runs now, and leads to the session of its run', async ({
  page,
}) => {
  await page.goto('/settings/schedules')
  await page.getByRole('button', { name: 'Add a schedule' }).click()
  await page.getByLabel('Name').fill('nightly')
  await page.getByLabel('Prompt').fill('Look for tests that fail now and then.')
  await page.getByLabel('When').selectOption('custom')
  await page.getByLabel('Cron expression').fill('61 * * * *')
  await page.getByRole('button', { name: 'Save' }).click()
  await expect(page.getByLabel('Cron expression')).toHaveAttribute('aria-invalid', 'true')
  await expectAccessible(page)
  await page.getByLabel('Cron expression').fill('30 2 * * *')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('button', { name: 'Run now: nightly' }).click()
  await expect(page.getByText('The run has begun.')).toBeVisible()
  await expectAccessible(page)
  await page.getByRole('button', { name: 'Runs', exact: true }).click()
  await page.getByRole('link', { name: 'Session', exact: true }).click()
  await expect(page).toHaveURL(/\/sessions\//)
})
