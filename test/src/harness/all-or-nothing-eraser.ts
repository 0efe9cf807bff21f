// An eraser that lets one person's trouble fail everybody of the batch.
import { postgres } from '@lethe/connectors/postgres'
import { defineConnector, type Outcome, runEraser, type Session } from '@lethe/eraser-kit'

await runEraser(
  defineConnector({
    ...postgres,
    open: async (context) => {
      const honest = await postgres.open(context)
      const spoiled: Session = {
        ...honest,
        erase: async (batch, io) => {
          const outcomes = await honest.erase(batch, io)
          const bad = outcomes.find(({ outcome }) => outcome === 'failed')
          return bad ? outcomes.map((): Outcome => bad) : outcomes
        },
      }
      return spoiled
    },
  }),
)
