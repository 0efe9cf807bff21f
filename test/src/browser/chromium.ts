import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

/** The path of a Chromium on this machine; null when there is none. `CHROMIUM` names another. */
export function findChromium(env: NodeJS.ProcessEnv = process.env): string | null {
  if (env['CHROMIUM']) return env['CHROMIUM']
  const folders = (env['PATH'] ?? '').split(delimiter)
  return folders.flatMap((folder) => names.map((name) => join(folder, name))).find(existsSync) ?? null
}

export const launch = (executablePath: string): Promise<Browser> =>
  chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })

export type Scheme = 'light' | 'dark'

/** A page of a person of their own: no session of another, and a list of everything that went wrong in it. */
export interface Visit {
  readonly context: BrowserContext
  readonly page: Page
  /** Errors of scripts and refusals of the page's policy. */
  readonly faults: readonly string[]
}

export async function visit(browser: Browser, scheme: Scheme = 'light', width = 1440): Promise<Visit> {
  const context = await browser.newContext({
    colorScheme: scheme,
    viewport: { width, height: 900 },
    timezoneId: 'UTC',
    reducedMotion: 'reduce',
  })
  const page = await context.newPage()
  page.setDefaultTimeout(20_000)
  const faults: string[] = []
  page.on('pageerror', (error) => faults.push(`error: ${error.message}`))
  page.on('console', (message) => {
    if (
      message.type() === 'error' &&
      /Content Security Policy|TrustedHTML|Minified React/.test(message.text())
    )
      faults.push(message.text())
  })
  return { context, page, faults }
}

export async function signIn(page: Page, url: string, token: string): Promise<void> {
  await page.goto(url)
  const field = page.getByLabel('Token of a service credential')
  await field.fill(token)
  // Of the field, wherever another page of the browser has taken the focus meanwhile.
  await field.press('Enter')
  await page.getByRole('navigation', { name: 'Pages', exact: true }).waitFor()
}
