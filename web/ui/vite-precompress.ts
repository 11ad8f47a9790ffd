import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import type { Plugin } from 'vite'

const COMPRESSED = /\.(js|css|html|svg|txt|json|webmanifest)$/
const WORTH_IT = 1024

/** The viewers of the API are looked at now and then; compressed twins would only make the program larger. */
const SELDOM_LOADED = /^viewers\//

/** Puts a `.br` and a `.gz` beside each file that is worth it, so that the server need not compress it. */
export function precompress(): Plugin {
  return {
    name: 'precompress',
    apply: 'build',
    async closeBundle() {
      const names = await readdir('dist', { recursive: true })
      for (const name of names.filter((name) => COMPRESSED.test(name) && !SELDOM_LOADED.test(name))) {
        const path = join('dist', name)
        const content = await readFile(path)
        if (content.length < WORTH_IT) continue
        const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }
        await writeFile(`${path}.br`, await promisify(brotliCompress)(content, quality))
        await writeFile(`${path}.gz`, await promisify(gzip)(content, { level: 9 }))
      }
    },
  }
}
