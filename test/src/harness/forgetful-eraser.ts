// An eraser that says of every pass after the first, a resumed one too, that it erased, and does nothing.
import { postgres } from '@lethe/connectors/postgres'
import { defineConnector, type Outcome, runEraser, type Session } from '@lethe/eraser-kit'

await runEraser(
  defineConnector({
    ...postgres,
    open: async (context) => {
      const honest = await postgres.open(context)
      const forgetful: Session = {
        ...honest,
        erase: async (batch, io) => {
          const first = batch.filter(({ passId }) => passId.endsWith('/initial'))
          const outcomes = await honest.erase(first, io)
          return batch.map((pass): Outcome => {
            const at = first.indexOf(pass)
            return outcomes[at] ?? { outcome: 'erased', counts: {} }
          })
        },
      }
      return forgetful
    },
  }),
)
