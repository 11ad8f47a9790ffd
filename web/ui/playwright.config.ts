import { defineConfig } from '@playwright/test'

/** The real server with the real `claude`; each worker starts its own (`tests/e2e/server.ts`). */
export default defineConfig({
  testDir: 'tests/e2e',
  outputDir: '../../target/ui-tests',
  workers: 2,
  timeout: 180_000,
  expect: { timeout: 40_000 },
  forbidOnly: Boolean(process.env.CI),
  reporter: 'line',
  use: {
    locale: 'en-US',
    viewport: { width: 1440, height: 900 },
    trace: 'retain-on-failure',
    launchOptions: { executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] },
  },
})
