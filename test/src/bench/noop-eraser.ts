// An eraser and a probe that find nothing to do: what is left is Lethe itself.
import { redis } from '@lethe/connectors/redis'
import { defineConnector, runEraser } from '@lethe/eraser-kit'

const nothing = { found: 0, erased: 0, redacted: 0, retained: 0, failed: 0 }

await runEraser(
  defineConnector({
    ...redis,
    capabilities: { receipts: 'none', batch: { max: 1_000 } },
    open: async () => ({
      preview: async (subjects) => subjects.map(() => ({ nothing })),
      erase: async (passes) => passes.map(() => ({ outcome: 'erased' as const, counts: { nothing } })),
      describe: async () => ({ version: '1', collections: [], findings: [] }),
      close: async () => {},
    }),
    openProbe: async () => ({
      probe: async (subjects) => subjects.map(() => ({ result: 'clean' as const, residual: {} })),
      close: async () => {},
    }),
  }),
)
