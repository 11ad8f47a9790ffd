import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { test as base, expect, type Page } from '@playwright/test'
import type { AxeResults, RunOptions } from 'axe-core'
import { Server } from './server'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** A server for all tests of a worker; and whatever a page says against itself fails its test. */
export const test = base.extend<{ quiet: undefined }, { server: Server }>({
  server: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads from the pattern what a fixture needs
    async ({}, use) => {
      const server = await Server.start()
      await use(server)
      await server.remove()
    },
    { scope: 'worker' },
  ],
  baseURL: ({ server }, use) => use(server.url),
  quiet: [
    async ({ context }, use) => {
      const said: string[] = []
      context.on('console', (message) => {
        if (message.type() === 'error' && !isOfNetwork(message.text())) said.push(message.text())
      })
      context.on('weberror', (error) => said.push(String(error.error().stack)))
      await use(undefined)
      expect(said).toEqual([])
    },
    { auto: true },
  ],
})

/** Answers that are no success and servers that are gone belong to what is tested. */
function isOfNetwork(text: string): boolean {
  return text.startsWith('Failed to load resource')
}

interface Axe {
  run(options: RunOptions): Promise<AxeResults>
}

/** Finds nothing that keeps people from using the page. */
export async function expectAccessible(page: Page) {
  await page.evaluate(axe)
  const violations = await page.evaluate(async () => {
    const { axe } = window as unknown as { axe: Axe }
    const values = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
    const { violations } = await axe.run({ runOnly: { type: 'tag', values } })
    return violations.map(
      ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join('\n')}`,
    )
  })
  expect(violations).toEqual([])
}

export { expect }
