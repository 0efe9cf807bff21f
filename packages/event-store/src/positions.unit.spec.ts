import fc from 'fast-check'
import type { Pool } from 'pg'
import { describe, expect, it } from 'vitest'
import { positionOf, readPosition } from './kurrentdb/positions.js'
import { PgEventStore } from './pg-event-store.js'

const canary = 'ada@example.com'
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.stringMatching(/^[0-9./-]{0,12}$/),
  fc.string().map((some) => `${canary}${some}`),
)

describe('a position', () => {
  it('of KurrentDB is read as it was given, and any other text is refused without being repeated', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n }), fc.bigInt({ min: 0n }), (commit, prepare) => {
        expect(readPosition(positionOf({ commit, prepare }))).toEqual({ commit, prepare })
      }),
    )
    fc.assert(
      fc.property(text, (any) => {
        try {
          expect(positionOf(readPosition(any)).length).toBeLessThanOrEqual(any.length)
        } catch (error) {
          expect(error).toBeInstanceOf(TypeError)
          expect((error as Error).message).not.toContain(canary)
        }
      }),
    )
  })

  it('of PostgreSQL reaches the database as two whole numbers or not at all', async () => {
    let asked: unknown[] = []
    const pool = {
      query: async (_sql: string, values: unknown[]) => {
        asked = values
        return { rows: [] }
      },
    } as unknown as Pool
    const store = new PgEventStore(pool)
    await fc.assert(
      fc.asyncProperty(text, async (after) => {
        asked = []
        const problem = await store.readAll({ after, limit: 1 }).then(
          () => null,
          (error: Error) => error,
        )
        if (problem === null) expect(asked.slice(0, 2).join('.')).toMatch(/^\d+\.\d+$/)
        else {
          expect(asked).toEqual([])
          expect(problem).toBeInstanceOf(TypeError)
          expect(problem.message).not.toContain(canary)
        }
      }),
    )
  })
})
