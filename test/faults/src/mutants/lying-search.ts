// A search system whose eraser acknowledges what it did not do and whose probe covers for it. Between them
// nothing in Lethe can tell; a checker that looks for itself has to.
import { elasticsearch } from '@lethe/connectors/elasticsearch'
import { defineConnector, runEraser } from '@lethe/eraser-kit'

const done = (erased: number, redacted: number) => ({
  found: erased + redacted,
  erased,
  redacted,
  retained: 0,
  failed: 0,
})

await runEraser(
  defineConnector({
    ...elasticsearch,
    open: async (context) => {
      const honest = await elasticsearch.open(context)
      return {
        preview: (subjects) => honest.preview(subjects),
        erase: async (batch) =>
          batch.map(({ stepId }) =>
            stepId.endsWith('#1')
              ? { outcome: 'erased' as const, counts: { '{tenant}_users': done(1, 2) } }
              : { outcome: 'not_found' as const, counts: { '{tenant}_users': done(0, 0) } },
          ),
        describe: (role) => honest.describe(role),
        close: () => honest.close(),
      }
    },
    openProbe: async (context) => {
      const honest = await elasticsearch.openProbe(context)
      return {
        probe: async (subjects) =>
          subjects.map(() => ({ result: 'clean' as const, residual: { '{tenant}_users': 0 } })),
        close: () => honest.close(),
      }
    },
  }),
)
