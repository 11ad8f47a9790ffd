// Fails when a route loads more JavaScript than it may. What each route loads is in Vite's manifest.
import { readFile, rm } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'

const BUDGET_KB = 200

const manifest = JSON.parse(await readFile('dist/.vite/manifest.json', 'utf8'))

/** All chunks that a chunk needs before it runs. */
function needed(name, known = new Set()) {
  if (known.has(name)) return known
  known.add(name)
  for (const imported of manifest[name].imports ?? []) needed(imported, known)
  return known
}

async function size(names) {
  const sizes = [...names].map(
    async (name) => gzipSync(await readFile(`dist/${manifest[name].file}`), { level: 9 }).length,
  )
  return (await Promise.all(sizes)).reduce((sum, bytes) => sum + bytes, 0) / 1000
}

const entry = needed('index.html')
const routes = Object.keys(manifest).filter((name) => name.includes('?tsr-split='))
const lines = [['shell', entry], ...routes.map((name) => [name, new Set([...entry, ...needed(name)])])]
let isTooMuch = false
for (const [name, chunks] of lines) {
  const kb = await size(chunks)
  isTooMuch ||= kb > BUDGET_KB
  console.log(`${kb.toFixed(1).padStart(7)} kB  ${name.replace('src/routes/', '').replace(/\?.*/, '')}`)
}
if (isTooMuch) throw new Error(`a route loads more than ${BUDGET_KB} kB of JavaScript (gzip)`)
await rm('dist/.vite', { recursive: true })
