// An eraser that does not look at the clock: it uses a grant for an hour, whatever its expiry says.
import { postgres } from '@lethe/connectors/postgres'
import { defineConnector, type EraseIo, type Pass, runEraser, type Session } from '@lethe/eraser-kit'

const HOUR_MS = 3_600_000

const prolonged = (pass: Pass): Pass => ({
  ...pass,
  grant: { ...pass.grant, expiresAt: pass.grant.expiresAt + HOUR_MS },
})

await runEraser(
  defineConnector({
    ...postgres,
    open: async (context) => {
      const honest = await postgres.open(context)
      const never = new AbortController().signal
      const late: Session = {
        ...honest,
        erase: (batch: readonly Pass[], io: EraseIo) =>
          honest.erase(batch.map(prolonged), { ...io, signal: never }),
      }
      return late
    },
  }),
)
