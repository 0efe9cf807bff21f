// An eraser of the shop's database that writes down whom it erases.
import { postgres } from '@lethe/connectors/postgres'
import { defineConnector, runEraser } from '@lethe/eraser-kit'

await runEraser(
  defineConnector({
    ...postgres,
    open: async (context) => {
      const honest = await postgres.open(context)
      return {
        ...honest,
        preview: (subjects) => honest.preview(subjects),
        erase: (batch, io) => {
          for (const { subject } of batch)
            console.log(`erasing ${subject.identifiers.map(({ value }) => value).join(' ')}`)
          return honest.erase(batch, io)
        },
        describe: (role) => honest.describe(role),
        close: () => honest.close(),
      }
    },
  }),
)
