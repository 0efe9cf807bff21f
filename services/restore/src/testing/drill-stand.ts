import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Connector, DrillSession, Identifier } from '@lethe/eraser-kit'
import { openContext } from '@lethe/infra'
import { createLogger } from '@lethe/service-host'
import type { Pool } from 'pg'
import { DrillStore } from '../adapters/drill-store.js'
import type { RestoreStore } from '../adapters/restore-store.js'
import { ReviewStore } from '../adapters/review-store.js'
import { Turns } from '../adapters/turns.js'
import { Copies } from '../application/copies.js'
import { type DrillSettings, openGround } from '../application/drill-ground.js'
import type { DrillRequests } from '../application/drill-requests.js'
import { Drilling } from '../application/drilling.js'
import { Drills, type DrillsParts, type DrillView } from '../application/drills.js'
import type { TombstoneSource } from '../application/tombstone-source.js'
import type { DrillCanary } from '../domain/drill.js'
import { eraseInitially } from './erasing.js'
import { secret } from './process.js'
import { officer, type Source } from './stand.js'

export interface DrillStandOf {
  readonly systemId: string
  readonly connector: Connector
  readonly section: unknown
  /** `SHOP_DRILL`, `SHOP_SCRATCH` and `SHOP` of the service's environment. */
  readonly secrets: Readonly<Record<string, string>>
}

/** What a spec puts in the place of a part, to see a drill notice it. */
export interface Instead {
  readonly session?: (session: DrillSession) => Partial<DrillSession>
  readonly connector?: Connector
  readonly source?: Pick<TombstoneSource, 'page'>
  readonly requests?: Partial<DrillRequests>
  readonly settings?: Partial<DrillSettings>
  readonly secrets?: Readonly<Record<string, string | undefined>>
  readonly everyMs?: number
  /** Epoch milliseconds, as the drill's own work reads it. */
  readonly now?: () => number
}

/** The same session, with some of it replaced. */
const changed = (session: DrillSession, instead: Partial<DrillSession>): DrillSession =>
  Object.assign(Object.create(session) as DrillSession, instead)

/** A stand, as far as drills need one. */
export interface Drilled {
  readonly pool: Pool
  readonly store: RestoreStore
  readonly source: Source
  close(): Promise<void>
}

/** Drills over a real store and a real database of Lethe; of `request` only its answers are stood in. */
export class DrillStand {
  readonly folder = mkdtempSync(join(tmpdir(), 'lethe-drill-spec-'))
  readonly store: DrillStore
  /** Who was asked to be erased, by key. */
  readonly asked = new Map<string, DrillCanary>()

  constructor(
    readonly stand: Drilled,
    private readonly of: DrillStandOf,
  ) {
    this.store = new DrillStore(stand.pool)
  }

  async drills(instead: Instead = {}): Promise<Drills> {
    const { stand, of, store } = this
    const { tools } = await openContext()
    const connector = instead.connector ?? of.connector
    const connectors = new Map([[of.systemId, connector]])
    const request = { section: async () => of.section as never }
    const known: Readonly<Record<string, string | undefined>> = { ...of.secrets, ...instead.secrets }
    const settings = {
      folder: this.folder,
      tools: tools.postgresBin === '' ? undefined : tools.postgresBin,
      tenantId: 'lethe-drill',
      values: {},
      ...instead.settings,
    }
    const ground = { connectors, request, secret: (name: string) => known[name], settings }
    const open: DrillsParts['open'] = async (drill) => {
      const opened = await openGround(ground, drill)
      return { ...opened, session: changed(opened.session, instead.session?.(opened.session) ?? {}) }
    }
    const { source: pages = stand.source } = instead
    const source: TombstoneSource = Object.assign(Object.create(stand.source) as Source, {
      page: (...of: Parameters<TombstoneSource['page']>) => pages.page(...of),
    })
    const copies = new Copies({
      connectors,
      request,
      source,
      store: stand.store,
      reviews: new ReviewStore(stand.pool),
      secret,
      incarnation: 'test',
    })
    const requests = { ...this.requests(), ...instead.requests }
    const logger = createLogger('drill-spec', { level: 'fatal' })
    return new Drills({
      systems: new Set([of.systemId]),
      able: new Set([of.systemId]),
      store,
      drilling: new Drilling({
        ...{ store, open, copies, requests, secret, incarnation: 'test', logger },
        gates: () => stand.store.gates(),
        ...(instead.now === undefined ? {} : { now: instead.now }),
      }),
      open,
      requests,
      audit: stand.store,
      turns: new Turns(stand.pool),
      everyMs: instead.everyMs ?? null,
      byItself: instead.everyMs !== undefined,
      secret,
      blocked: async () => null,
      logger,
    })
  }

  /** One drill to its end, as whoever asked for it sees it. */
  async run(instead: Instead = {}): Promise<DrillView> {
    const drills = await this.drills(instead)
    const { drillId } = await drills.start(officer, this.of.systemId)
    await drills.idle()
    return drills.one(officer, drillId)
  }

  /** Names of what lies in the folder of drills. */
  files(): string[] {
    return readdirSync(this.folder)
  }

  async close(): Promise<void> {
    rmSync(this.folder, { recursive: true, force: true })
    await this.stand.close()
  }

  /** `request` and an eraser: erases through the connector, and leaves a tombstone. */
  private requests(): DrillRequests {
    const { of, stand } = this
    return {
      erase: async (canary, key) => {
        this.asked.set(key, canary)
        const ref = `ref-${key}`
        const section = of.section as { tenant: never; system: { body: unknown } }
        const subject = {
          subjectRef: ref,
          tenantId: canary.tenantId,
          identifiers: canary.identifiers as readonly Identifier[],
          receivedAt: Date.now(),
        }
        const session = await of.connector.open({
          systemId: of.systemId,
          options: of.connector.options.parse({ url: of.secrets.SHOP }),
          system: of.connector.system.parse(section.system.body),
          tenant: section.tenant,
          canonical: 'user_id',
        })
        await eraseInitially(session, of.systemId, [subject])
        stand.source.tombstones.set(`tombstone-${key}`, {
          tombstoneId: `tombstone-${key}`,
          requestId: `request-${key}`,
          mapVersion: 1,
          held: false,
          subject,
        })
        return `request-${key}`
      },
      progress: async () => ({ status: 'COMPLETED', unfinished: [] }),
    }
  }
}
