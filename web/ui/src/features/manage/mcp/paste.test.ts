import { expect, test } from 'vitest'
import { readPasted } from './paste'

test('the configuration of a README is read', () => {
  const text =
    '{"mcpServers": {"files": {"command": "npx", "args": ["-y", "server", "."], "env": {"KEY": "x"}}}}'
  expect(readPasted(text)).toMatchObject({
    name: 'files',
    type: 'stdio',
    command: 'npx',
    args: ['-y', 'server', '.'],
    env: { KEY: 'x' },
  })
})

test('a server alone is read, and what has an address is reached by it', () => {
  expect(readPasted('{"url": "https://example.com/mcp"}')).toMatchObject({ name: '', type: 'http' })
  expect(readPasted('{"old": {"type": "sse", "url": "https://example.com/sse"}}')).toMatchObject({
    name: 'old',
    type: 'sse',
  })
})

test('what holds no server is none', () => {
  expect(readPasted('not json')).toBeUndefined()
  expect(readPasted('[]')).toBeUndefined()
  expect(readPasted('{"mcpServers": {}}')).toBeUndefined()
})
