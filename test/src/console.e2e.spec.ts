import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { LetheClient } from '@lethe/client'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { buildConsole } from '../../services/ops/scripts/build-console.ts'
import { findChromium, launch, type Visit, visit } from './browser/chromium.js'
import { backups } from './console/backups.js'
import { bulkRefusal } from './console/bulk-refusal.js'
import { bulkReprobe } from './console/bulk-reprobe.js'
import { byHand } from './console/by-hand.js'
import { canaries } from './console/canaries.js'
import { dashboardAsked } from './console/dashboard.js'
import { dataMap } from './console/data-map.js'
import { DRILL_EVERY_MS, drilled } from './console/drilled.js'
import { eraserStopped } from './console/eraser-stopped.js'
import { extended } from './console/extended.js'
import { followed, serviceAway } from './console/following.js'
import { heldMidway } from './console/hold.js'
import { hostileAnswers } from './console/hostile.js'
import { identityProvider } from './console/identity.js'
import { keyboardFirst } from './console/keyboard.js'
import { limits } from './console/limits.js'
import { addressesNameNobody, viewsAndFile, withoutStream } from './console/list.js'
import { faultsFound, looks } from './console/looks.js'
import { oneStream } from './console/one-stream.js'
import { overCeiling } from './console/over-ceiling.js'
import { personFound } from './console/person.js'
import { poisoned } from './console/poisoned.js'
import { reprobe } from './console/reprobe.js'
import { restoreWatched } from './console/restore-watched.js'
import { retried } from './console/retried.js'
import { viewerOffered } from './console/roles.js'
import { nobodyUnknown, signedOut } from './console/sessions.js'
import type { Earlier, Stage } from './console/stage.js'
import { watching } from './console/watching.js'
import { withdrawn } from './console/withdrawn.js'
import { Chain } from './harness/chain.js'

const pictures = fileURLToPath(new URL('../../docs/ops/', import.meta.url))
const program = findChromium()

/** In this order: later ones look at what earlier ones left, and those that change the chain come last. */
const parts: readonly ((stage: () => Stage) => void)[] = [
  nobodyUnknown,
  followed,
  watching,
  eraserStopped,
  serviceAway,
  heldMidway,
  viewerOffered,
  extended,
  overCeiling,
  bulkRefusal,
  viewsAndFile,
  poisoned,
  withoutStream,
  restoreWatched,
  backups,
  addressesNameNobody,
  personFound,
  retried,
  withdrawn,
  canaries,
  drilled,
  dashboardAsked,
  looks,
  reprobe,
  bulkReprobe,
  dataMap,
  faultsFound,
  keyboardFirst,
  hostileAnswers,
  signedOut,
  oneStream,
  limits,
  byHand,
  identityProvider,
]

if (program === null)
  it('a Chromium can be had', (context) =>
    context.skip('There is no Chromium here: install the package chromium, or name one in CHROMIUM.'))
else
  describe('the console in Chromium on the chain', () => {
    let chain: Chain
    let client: LetheClient
    let browser: Browser
    let url: string
    let staff: Visit
    const earlier: Earlier = { followed: '', bulkJob: '', drilled: 'Drills, the latest first' }

    beforeAll(async () => {
      await buildConsole()
      browser = await launch(program as string)
      chain = await Chain.start({
        ops: true,
        restore: true,
        envOf: {
          ops: { LETHE_DRILL_MS: String(DRILL_EVERY_MS) },
          request: { LETHE_KEEP_LONGER_MS: '1000' },
        },
      })
      client = chain.client()
      url = `http://127.0.0.1:${chain.context.at.ports.ops}`
      staff = await visit(browser)
    })

    afterAll(async () => {
      await browser?.close()
      await chain?.stop()
    })

    const token = (credential = 'viewer') => chain.context.secrets.token(credential)

    async function picture(name: string, of: Page = staff.page): Promise<void> {
      if (!process.env['LETHE_PICTURES']) return
      mkdirSync(pictures, { recursive: true })
      await of.screenshot({ path: `${pictures}${name}.png` })
    }

    const stage = (): Stage => ({
      chain,
      client,
      browser,
      url,
      page: staff.page,
      staff,
      token,
      picture,
      earlier,
    })

    for (const part of parts) part(stage)
  })
