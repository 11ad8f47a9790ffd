// Builds dist/, which the server embeds: the pages, their scripts, and the two API viewers with their licences.
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'

const here = (path) => new URL(path, import.meta.url)

const PAGES = ['index.html', 'docs.html', 'redoc.html']
const OWN_ASSETS = ['app.js', 'style.css', 'docs.js', 'redoc.js']
const PACKAGE_FILES = {
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
async function copyWithoutSourceMap(from, to) {
  const text = await readFile(from, 'utf8')
  await writeFile(to, text.replace(/\n?(?:\/\/|\/\*)# sourceMappingURL=\S+(?: ?\*\/)?\s*$/, '\n'))
}

await rm(here('dist'), { recursive: true, force: true })
await mkdir(here('dist/assets'), { recursive: true })
for (const page of PAGES) await cp(here(`src/${page}`), here(`dist/${page}`))
for (const asset of OWN_ASSETS) await cp(here(`src/${asset}`), here(`dist/assets/${asset}`))
for (const [from, to] of Object.entries(PACKAGE_FILES)) {
  await copyWithoutSourceMap(here(`node_modules/${from}`), here(`dist/assets/${to}`))
}
