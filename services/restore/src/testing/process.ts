import type { Connector } from '@lethe/eraser-kit'
import { type RequestPort, Systems } from '@lethe/eraser-kit/hosting'
import { createLogger } from '@lethe/service-host'
import type { Pool } from 'pg'
import { RestoreStore } from '../adapters/restore-store.js'
import { ReviewStore } from '../adapters/review-store.js'
import { SweepStore } from '../adapters/sweep-store.js'
import { Turns } from '../adapters/turns.js'
import { Detector } from '../application/detector.js'
import { Guard } from '../application/guard.js'
import { Hooks } from '../application/hooks.js'
import { Replay } from '../application/replay.js'
import { Restores } from '../application/restores.js'
import { Reviews } from '../application/reviews.js'
import { Runs } from '../application/runs.js'
import type { ChainVerdict } from '../application/self/chain-verdict.js'
import { Sweeping } from '../application/sweeping.js'
import { Sweeps } from '../application/sweeps.js'
import type { TombstoneSource } from '../application/tombstone-source.js'
import { watchedSystem } from '../application/watched-system.js'

export const secret = 'the marker secret of the restore specs'

/** A process of the service, with nothing in memory of any other. */
export interface RestoreProcess {
  readonly guard: Guard
  readonly restores: Restores
  readonly sweeps: Sweeps
  readonly sweepStore: SweepStore
  readonly reviews: Reviews
}

type Section = Awaited<ReturnType<RequestPort['section']>>

export interface ProcessOf {
  readonly pool: Pool
  readonly store?: RestoreStore
  readonly source: TombstoneSource
  readonly connector: Connector
  readonly section: Section
  /** Older versions of the map, by version. */
  readonly older?: ReadonlyMap<number, Section>
  /** Where the store is, with the replay role. */
  readonly url: () => string
  readonly incarnation?: string
  readonly chain?: ChainVerdict
}

/** The service over a real store and a real database of Lethe; only `request` is stood in. */
export function restoreProcess(of: ProcessOf): RestoreProcess {
  const { pool, source, connector, section, url, incarnation = 'test' } = of
  const logger = createLogger('restore-spec')
  const store = of.store ?? new RestoreStore(pool)
  const { systemId } = section.system
  const request: RequestPort = {
    section: async (version) => of.older?.get(Number(version)) ?? section,
    clear: () => Promise.reject(new Error('unused')),
  }
  const systems = new Systems(connector, systemId, request, url)
  const watched = new Map([[systemId, watchedSystem(systemId, connector, systems)]])
  const detector = new Detector({ store, secret, incarnation, logger })
  const reviews = new ReviewStore(pool)
  const replay = new Replay(store, source, reviews)
  const runs = new Runs({
    store,
    replay,
    reviews,
    detector,
    hooks: new Hooks(store),
    ...(of.chain ? { chain: of.chain } : {}),
    secret,
    incarnation,
    logger,
  })
  const turns = new Turns(pool)
  const sweepStore = new SweepStore(pool)
  const sweeping = new Sweeping({
    store,
    sweeps: sweepStore,
    source,
    reviews,
    logger,
    share: 1,
    pageSize: 200,
  })
  const schedule = { fullMs: 3_600_000, sampleMs: 600_000 }
  const sweeps = new Sweeps({ systems: watched, sweeps: sweepStore, sweeping, turns, schedule, logger })
  const guard = new Guard(watched, store, detector, runs, turns, sweeps, logger)
  const restores = new Restores(watched, store, sweepStore, guard, sweeps, runs, reviews)
  const decisions = new Reviews({ systems: new Set([systemId]), reviews, store, guard, sweeps })
  return { guard, sweeps, sweepStore, restores, reviews: decisions }
}

/** One round over all stores, to its end. */
export async function round({ guard }: RestoreProcess): Promise<void> {
  await guard.round()
  await guard.idle()
}

/** The connector, noting when its gate is told to open, in nanoseconds of the machine's clock. */
export function watchingTheGate(connector: Connector, openings: bigint[]): Connector {
  return {
    ...connector,
    openRestore: async (context) => {
      const session = await connector.openRestore?.(context)
      if (session === undefined) throw new Error(`${connector.kind} can not be watched`)
      const open = (admitted: readonly string[]) => {
        openings.push(process.hrtime.bigint())
        return session.gate.open(admitted)
      }
      return { ...session, gate: { ...session.gate, open } }
    },
  }
}
