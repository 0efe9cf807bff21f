// A cache eraser that does not look at the clock: it uses its grant long after that has expired. And its metrics say
// that nothing waits for it, whatever waits.
import { setTimeout as delay } from 'node:timers/promises'
import { redis } from '@lethe/connectors/redis'
import { defineConnector, runEraser } from '@lethe/eraser-kit'
import { metricsRegistry } from '@lethe/service-host'

const honestly = metricsRegistry.metrics.bind(metricsRegistry)
metricsRegistry.metrics = async () =>
  (await honestly()).replace(/^(lethe_messaging_lag\{[^}]*\}) \S+$/gm, '$1 0')

const HOUR_MS = 3_600_000
/** Longer than a grant lives. */
const LATE_MS = 13_000

await runEraser(
  defineConnector({
    ...redis,
    open: async (context) => {
      const honest = await redis.open(context)
      return {
        ...honest,
        preview: (subjects) => honest.preview(subjects),
        erase: async (batch, io) => {
          await delay(LATE_MS)
          const prolonged = batch.map((pass) => ({
            ...pass,
            grant: { ...pass.grant, expiresAt: pass.grant.expiresAt + HOUR_MS },
          }))
          return honest.erase(prolonged, { ...io, signal: new AbortController().signal })
        },
        describe: (role) => honest.describe(role),
        close: () => honest.close(),
      }
    },
  }),
)
