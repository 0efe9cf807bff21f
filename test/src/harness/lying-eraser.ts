// An eraser that acknowledges without erasing: what a broken or dishonest integration looks like.
import { redis } from '@lethe/connectors/redis'
import { type Counts, defineConnector, runEraser, type Session } from '@lethe/eraser-kit'

const claimed: Counts = {
  'tenant:{tenant}:user:{user_id}:*': { found: 3, erased: 3, redacted: 0, retained: 0, failed: 0 },
}

await runEraser(
  defineConnector({
    ...redis,
    open: async (context) => {
      const honest = await redis.open(context)
      const lying: Session = {
        preview: (subjects) => honest.preview(subjects),
        erase: async (batch) => batch.map(() => ({ outcome: 'erased' as const, counts: claimed })),
        describe: () => honest.describe(),
        close: () => honest.close(),
      }
      return lying
    },
  }),
)
