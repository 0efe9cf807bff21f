// An eraser that says, when the date of a retained part has come, that it erased, and does nothing.
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
          const first = batch.filter(({ passId }) => !passId.includes('/resume-'))
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
