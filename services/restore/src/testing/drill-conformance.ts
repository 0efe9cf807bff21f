import { randomUUID } from 'node:crypto'
import type { DrillSession, Identifier, MadeBackup } from '@lethe/eraser-kit'
import { expect, it } from 'vitest'
import { drillsFailed } from '../application/metrics.js'
import type { DrillStand } from './drill-stand.js'
import { officer, type Source } from './stand.js'

/** One kind of store, as the specs that every drill must pass see it. */
export interface DrilledKind {
  readonly systemId: string
  /** Of this spec. */
  readonly drills: () => DrillStand
  /** Fails where something of a drill is left: in the store in use, in the scratch place, in the folder of drills. */
  readonly nothingLeft: () => Promise<void>
}

/** A source that has forgotten whoever drills made up. */
export function forgetful(source: Source): Pick<Source, 'page'> {
  return {
    page: async (...of) => {
      const { validUntil, tombstones } = await source.page(...of)
      return { validUntil, tombstones: tombstones.filter(({ tombstoneId }) => !/drill/.test(tombstoneId)) }
    },
  }
}

/** What a drill of any kind must do besides passing; each of its specs breaks something a drill has to notice. */
export function drillConformance({ systemId, drills: of, nothingLeft }: DrilledKind): void {
  it('whose backup did not hold the person proves nothing', async () => {
    let early: MadeBackup | null = null
    const drill = await of().run({
      session: (session) => ({
        plant: async (tenantId, known) => {
          early = await session.backUp(AbortSignal.timeout(30_000))
          await session.plant(tenantId, known)
        },
        backUp: async () => early as MadeBackup,
      }),
    })
    expect(drill).toMatchObject({
      verdict: 'proves_nothing',
      reasons: [{ code: 'nobody_came_back' }],
      evidence: { canary: { cameBack: 0 } },
    })
    expect((await drillsFailed.get()).values).toMatchObject([{ value: 1 }])
    await nothingLeft()
  })

  it('whose replay leaves the person out is failed, although its probes have forgotten them too', async () => {
    const drills = of()
    expect(await drills.run({ source: forgetful(drills.stand.source) })).toMatchObject({
      verdict: 'failed',
      reasons: [{ code: 'canary_left', counts: { found: expect.toSatisfy((found: number) => found > 0) } }],
    })
    await nothingLeft()
  })

  it('that a process left behind is cleared away by the next one, once, and the person is erased', async () => {
    const drills = of()
    const drillId = randomUUID()
    const left: { session?: DrillSession; end?: (why: Error) => void } = {}
    const dead = await drills.drills({
      session: (session) => {
        left.session = session
        return {
          check: () =>
            new Promise((_resolve, reject) => {
              left.end = reject
            }),
        }
      },
    })
    void dead.start(officer, systemId, drillId)
    await expect.poll(() => left.end !== undefined).toBe(true)
    const session = left.session as DrillSession
    let person: readonly Identifier[] = []
    await session.plant('lethe-drill', (identifiers) => {
      person = identifiers
      return drills.store.rememberCanary(drillId, { tenantId: 'lethe-drill', identifiers, requestId: null })
    })
    await session.backUp(AbortSignal.timeout(30_000))
    const copy = await session.restore(AbortSignal.timeout(60_000))
    expect(await session.count(copy, person)).toBeGreaterThan(0)
    expect(drills.files()).toEqual([drillId])
    const alive = await drills.drills()
    // While its process lives it is nobody else's.
    await alive.round()
    expect(await alive.one(officer, drillId)).toMatchObject({ verdict: null })
    expect(await alive.start(officer, systemId).catch(({ code }) => code)).toBe('illegal_transition')
    await drills.stand.pool.query(
      `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    )
    await expect
      .poll(
        async () => {
          await alive.round()
          return (await alive.one(officer, drillId)).verdict
        },
        { timeout: 30_000 },
      )
      .toBe('stopped')
    expect(await alive.one(officer, drillId)).toMatchObject({ intact: true })
    expect([...drills.asked.keys()]).toEqual([`drill-${drillId}`])
    await expect(session.count(copy, person)).rejects.toThrow()
    await nothingLeft()
    // What the dead one was about to do changes nothing of what is written down.
    left.end?.(new Error('the process is gone'))
    await dead.idle()
    expect(await alive.one(officer, drillId)).toMatchObject({ verdict: 'stopped', intact: true })
  })
}
