import tailwindcss from '@tailwindcss/vite'
import { tanstackRouter } from '@tanstack/router-plugin/vite'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'
import { precompress } from './vite-precompress.ts'
import { viewers } from './vite-viewers.ts'

/** The server that the development server and the preview pass on to. */
const server = process.env.RUNNER_URL ?? 'http://127.0.0.1:8000'
const proxy = Object.fromEntries(
  ['/api', '/openapi.json', '/health'].map((path) => [
    path,
    { target: server, changeOrigin: true, headers: { origin: server } },
  ]),
)

/** The content policy of the server (`web/src/http/guard.rs`), so that the preview has it too. */
const policy = [
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'",
  "connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'",
  "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types worker",
].join('; ')

export default defineConfig({
  plugins: [
    tanstackRouter({ target: 'react', autoCodeSplitting: true }),
    react(),
    tailwindcss(),
    viewers(),
    precompress(),
  ],
  resolve: { tsconfigPaths: true },
  // The policy of the server forbids what would be inlined.
  build: { target: 'es2023', assetsInlineLimit: 0, modulePreload: { polyfill: false }, manifest: true },
  worker: { format: 'es' },
  server: { proxy },
  preview: { proxy, headers: { 'Content-Security-Policy': policy } },
})
