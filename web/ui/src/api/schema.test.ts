import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

it('has the types of the committed document; `make openapi` writes them anew', () => {
  const document = readFileSync('../openapi.json')
  const types = readFileSync('src/api/schema.d.ts', 'utf8')

  expect(types.trimEnd().split('\n').at(-1)).toBe(`// ${createHash('sha256').update(document).digest('hex')}`)
})
