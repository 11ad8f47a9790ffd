import { mkdir, readFile, writeFile } from 'node:fs/promises'
import type { Plugin } from 'vite'

/** What the two viewers of the API's document are made of, with their licences. */
const FILES = {
  'swagger-ui-dist/swagger-ui-bundle.js': 'swagger-ui-bundle.js',
  'swagger-ui-dist/swagger-ui-bundle.js.LICENSE.txt': 'swagger-ui-bundle.js.LICENSE.txt',
  'swagger-ui-dist/swagger-ui.css': 'swagger-ui.css',
  'swagger-ui-dist/LICENSE': 'swagger-ui.LICENSE.txt',
  'swagger-ui-dist/NOTICE': 'swagger-ui.NOTICE.txt',
  'redoc/bundles/redoc.standalone.js': 'redoc.standalone.js',
  'redoc/bundles/redoc.standalone.js.LICENSE.txt': 'redoc.standalone.js.LICENSE.txt',
  'redoc/LICENSE': 'redoc.LICENSE.txt',
}

/** Source maps stay behind, so nothing may point to them. */
const SOURCE_MAP = /\n?(?:\/\/|\/\*)# sourceMappingURL=\S+(?: ?\*\/)?\s*$/

/** Copies Swagger UI and ReDoc to where `/docs` and `/redoc` load them from. */
export function viewers(): Plugin {
  return {
    name: 'viewers',
    apply: 'build',
    async writeBundle() {
      await mkdir('dist/viewers', { recursive: true })
      for (const [from, to] of Object.entries(FILES)) {
        const text = await readFile(`node_modules/${from}`, 'utf8')
        await writeFile(`dist/viewers/${to}`, text.replace(SOURCE_MAP, '\n'))
      }
    },
  }
}
