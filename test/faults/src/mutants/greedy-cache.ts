// A cache eraser that takes one key of a neighbour with every person's: what a sloppy pattern does.
import { redis } from '@lethe/connectors/redis'
import { defineConnector, runEraser } from '@lethe/eraser-kit'

await runEraser(
  defineConnector({
    ...redis,
    open: async (context) => {
      const honest = await redis.open(context)
      return {
        ...honest,
        preview: (subjects) => honest.preview(subjects),
        erase: (batch, io) => honest.erase(batch.map(withNeighbour), io),
        describe: (role) => honest.describe(role),
        close: () => honest.close(),
      }
    },
  }),
)

type Batch = Parameters<Awaited<ReturnType<typeof redis.open>>['erase']>[0]

/** The next customer whose number ends in 0 or 5 is never asked for: a twin. */
function withNeighbour(pass: Batch[number]): Batch[number] {
  const identifiers = pass.subject.identifiers.flatMap((identifier) => {
    const number = identifier.type === 'user_id' ? Number(identifier.value.slice(1)) : Number.NaN
    if (!Number.isInteger(number)) return [identifier]
    return [identifier, { ...identifier, value: `u${Math.ceil(number / 5) * 5}` }]
  })
  return { ...pass, subject: { ...pass.subject, identifiers } }
}
