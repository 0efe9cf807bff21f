// A search eraser that says what it is going to do, and does it later: an acknowledgement before the erasure.
import { elasticsearch } from '@lethe/connectors/elasticsearch'
import { defineConnector, type Outcome, runEraser } from '@lethe/eraser-kit'

const LATER_MS = 4_000
const all = (erased: number, redacted: number) => ({
  found: erased + redacted,
  erased,
  redacted,
  retained: 0,
  failed: 0,
})
const promised: Outcome = {
  outcome: 'erased',
  counts: { '{tenant}_users': all(1, 0), '{tenant}_orders': all(0, 2) },
}

await runEraser(
  defineConnector({
    ...elasticsearch,
    open: async (context) => {
      const honest = await elasticsearch.open(context)
      return {
        ...honest,
        preview: (subjects) => honest.preview(subjects),
        erase: async (batch, io) => {
          // What was promised and fails later is nobody's business any more: that is what is wrong with it.
          setTimeout(() => void honest.erase(batch, io).catch(() => undefined), LATER_MS)
          return batch.map(() => promised)
        },
        describe: (role) => honest.describe(role),
        close: () => honest.close(),
      }
    },
  }),
)
