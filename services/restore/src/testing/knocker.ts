import { Ledger, type Way } from './knocks.ts'
import { type WayIn, wayOf } from './ways-in.ts'

/**
 * Begun each second, whether or not those before have their answer. So few wait for it at most that the restore service
 * gets its own turn with a server that can't keep up.
 */
const PER_SECOND = 300
const AT_ONCE = 32
const TICK_MS = 3

/** The process of a hammer: is told where to knock, knocks until it is told to stop, and then says what it saw. */
const now = () => Number(process.hrtime.bigint()) / 1e6
const begunAt = now()
const ledger = new Ledger(begunAt)
const underWay = new Set<Promise<void>>()
const said = new Set<string>()

function say(word: string): void {
  if (!said.has(word)) process.send?.(word)
  said.add(word)
}

async function knockOnce(attempt: Way): Promise<void> {
  const n = ledger.begin(now())
  const seen = await attempt(n)
  ledger.end(n, seen)
  say('knocking')
  if (seen.fate === 'inside') say('inside')
  if (seen.erased > 0) say('sighting')
}

process.once('message', (way: WayIn) => {
  const attempt = wayOf(way)
  // A tick that comes late makes up for those that did not.
  const ticking = setInterval(() => {
    while (underWay.size < AT_ONCE && ledger.attempts < ((now() - begunAt) * PER_SECOND) / 1_000) {
      const one = knockOnce(attempt).then(() => void underWay.delete(one))
      underWay.add(one)
    }
  }, TICK_MS)
  process.once('message', async () => {
    clearInterval(ticking)
    await Promise.all(underWay)
    process.send?.(ledger.knocks(Date.now() - now()), () => process.exit())
  })
})
// Whoever began it is gone: nobody will ask what it saw.
process.once('disconnect', () => process.exit())
