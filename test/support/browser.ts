/** Debian's Chromium, driven by Playwright. */
import { accessSync, constants } from 'node:fs'
import path from 'node:path'
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core'

/** Undefined where there is none. */
export function chromiumPath(): string | undefined {
  const folders = (process.env.PATH ?? '').split(path.delimiter)
  return folders.map((folder) => path.join(folder, 'chromium')).find((file) => {
    try {
      accessSync(file, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

export async function startBrowser(): Promise<Browser> {
  const executablePath = chromiumPath()
  if (executablePath === undefined) throw new Error('there is no chromium: apt-get install chromium')
  // As root, in a container, it has no sandbox of its own; it visits this machine only.
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', '--font-render-hinting=none'] })
}

export interface Tab {
  readonly page: Page
  /** What the console said that is an error, breaches of the content security policy among them. */
  readonly errors: readonly string[]
  /** Fails where it goes to any other machine. */
  readonly outside: readonly string[]
  close(): Promise<void>
}

/** @param token - of somebody who has logged in in this tab before */
export async function openTab(browser: Browser, options: BrowserContextOptions = {}, token?: string): Promise<Tab> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, reducedMotion: 'reduce', locale: 'en-GB', timezoneId: 'UTC', ...options })
  if (token !== undefined) await context.addInitScript(`if (sessionStorage.length === 0) sessionStorage.setItem('provenance.token /-/provenance/', ${JSON.stringify(token)})`)
  const page = await context.newPage()
  page.setDefaultTimeout(10_000)
  const errors: string[] = []
  const outside: string[] = []
  page.on('console', (message) => { if (message.type() === 'error') errors.push(message.text()) })
  page.on('pageerror', (error) => { errors.push(error.message) })
  page.on('request', (request) => { if (!['localhost', '127.0.0.1'].includes(new URL(request.url()).hostname)) outside.push(request.url()) })
  return { page, errors, outside, close: () => context.close() }
}

/** Opens a page of the dashboard and waits until it shows what it is about. */
export async function visit(page: Page, mirror: string, path: string): Promise<void> {
  await page.goto(`${mirror}/-/provenance/${path}`)
  await settled(page)
}

/** Nothing is loading any more. */
export async function settled(page: Page): Promise<void> {
  await page.getByRole('heading', { level: 1 }).first().waitFor()
  for (const loading of ['[role=progressbar]', '.is-loading']) await page.locator(loading).first().waitFor({ state: 'detached' })
}

export async function logIn(page: Page, name: string, password: string): Promise<void> {
  await page.getByLabel('Name').fill(name)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.getByRole('button', { name: 'Log out' }).waitFor()
  await settled(page)
}
