import type { RequestCommand } from '@lethe/domain'
import { PgEventStore } from '@lethe/event-store'
import { RequestLog } from '@lethe/request-log'
import type { Pool } from 'pg'
import type { ClearanceAnswer } from '../application/clearance.js'
import { Destruction } from '../vault/destruction.js'
import { parsePeppers } from '../vault/digest.js'
import { Epochs } from '../vault/epochs.js'
import { VaultKeeper } from '../vault/keeper.js'
import { openKeyStore } from '../vault/open-key-store.js'
import { Peppers } from '../vault/peppers.js'
import { Redigesting } from '../vault/redigesting.js'
import { Resealing } from '../vault/resealing.js'
import { Shredded } from '../vault/shredded.js'
import { Vault } from '../vault/vault.js'
import { type Stand, tokens } from './stand.js'

export const DAY = 86_400_000

/** The vault of one more process of the stand, with a clock of its own. */
export interface VaultProcess {
  readonly clock: { at: number }
  readonly log: RequestLog
  readonly epochs: Epochs
  readonly peppers: Peppers
  readonly vault: Vault
  readonly resealing: Resealing
  readonly destruction: Destruction
  readonly redigesting: Redigesting
  readonly shredded: Shredded
  readonly keeper: VaultKeeper
  tell(requestId: string, command: RequestCommand): Promise<string[]>
}

export interface VaultProcessOptions {
  readonly pool?: Pool
  readonly clock?: { at: number }
  readonly batchSize?: number
  /** Another key store, or the vault broken on purpose. */
  readonly vault?: (epochs: Epochs, peppers: Peppers) => Vault
}

export async function vaultProcess(stand: Stand, options: VaultProcessOptions = {}): Promise<VaultProcess> {
  const { pool = stand.pool, clock = { at: Date.now() } } = options
  const now = () => clock.at
  const log = new RequestLog({
    pool,
    eventStore: new PgEventStore(pool),
    encode: async (_topic, _type, value) =>
      Buffer.from(JSON.stringify(value, (_key, part) => (typeof part === 'bigint' ? Number(part) : part))),
    cacheSize: 0,
  })
  const keys = openKeyStore(stand.config.vaultKeys, stand.config.vaultMaster)
  const epochs = await Epochs.open(pool, keys, stand.config.epochs, now)
  const peppers = await Peppers.open(pool, keys, parsePeppers(stand.config.peppers), now)
  const vault = options.vault?.(epochs, peppers) ?? new Vault(epochs, peppers)
  const resealing = new Resealing(pool, log, vault, epochs, now, options.batchSize)
  const destruction = new Destruction(pool, epochs, resealing, now)
  const redigesting = new Redigesting(pool, vault, peppers, now)
  const shredded = new Shredded(pool, log, now)
  const keeper = new VaultKeeper(epochs, peppers, destruction, redigesting, shredded, stand.logger, now)
  return {
    clock,
    log,
    epochs,
    peppers,
    vault,
    resealing,
    destruction,
    redigesting,
    shredded,
    keeper,
    tell: (requestId, command) =>
      log.transact([requestId], async (tx) => {
        const decision = tx.apply(requestId, command, now())
        if (!decision.ok) throw new Error(`${command.type}: ${decision.detail}`)
        return decision.events.map(({ type }) => type)
      }),
  }
}

/** Everything that opens now, by request and system. */
export async function readable(pool: Pool, vault: Vault): Promise<ReadonlyMap<string, string>> {
  const { rows } = await pool.query<{ request_id: string; system_id: string }>(
    'SELECT request_id, system_id FROM vault.entries',
  )
  const found = new Map<string, string>()
  for (const { request_id: requestId, system_id: systemId } of rows) {
    const entry = (await vault.open(pool, [requestId], systemId, 'clearance')).get(requestId)
    if (entry !== undefined && !(entry instanceof Error))
      found.set(`${requestId} ${systemId}`, JSON.stringify(entry.identifiers))
  }
  return found
}

/**
 * What some part of the service would miss: entries of requests that have not ended, which were readable
 * `before` and are not, or not the same, now. It asks the requests, not the vault's own idea of needed.
 */
export async function lost(pool: Pool, vault: Vault, before: ReadonlyMap<string, string>): Promise<string[]> {
  const now = await readable(pool, vault)
  const { rows } = await pool.query<{ request_id: string }>(
    `SELECT request_id FROM read_model.requests WHERE status NOT IN ('COMPLETED', 'REFUSED', 'CANCELLED')`,
  )
  const open = new Set(rows.map((row) => row.request_id))
  return [...before]
    .filter(([place, value]) => open.has(place.split(' ')[0] as string) && now.get(place) !== value)
    .map(([place]) => place)
}

/** What an eraser's question for clearance of this pass is answered with. */
export async function cleared(stand: Stand, requestId: string, passId: string): Promise<ClearanceAnswer> {
  const systemId = passId.slice(0, passId.indexOf('#'))
  const { body } = await stand.call<{ results: ClearanceAnswer[] }>('POST', '/v1/clearance', {
    token: systemId === 'cache' ? tokens.cacheEraser : tokens.shopEraser,
    body: { systemId, purpose: 'erase', passes: [{ requestId, passId, attempt: 1 }] },
  })
  return body.results[0] as ClearanceAnswer
}

/** Clears a pass and acknowledges it. */
export async function erase(stand: Stand, vault: VaultProcess, id: string, passId: string): Promise<void> {
  const { grant, code } = await cleared(stand, id, passId)
  if (grant === undefined) throw new Error(`${passId} was not cleared: ${code}`)
  const stepId = passId.slice(0, passId.indexOf('/'))
  // The service goes by the real clock: what it just did must not lie in this one's future.
  vault.clock.at = Math.max(vault.clock.at, Date.now())
  const at = vault.clock.at
  await vault.tell(id, {
    type: 'Acknowledge',
    ack: {
      ackId: `ack of ${passId}`,
      grantId: grant.grantId,
      systemId: stepId.slice(0, stepId.indexOf('#')),
      stepId,
      passId,
      attempt: 1,
      startedAt: at,
      finishedAt: at,
      outcome: 'erased',
      counts: {},
      position: null,
      errorCode: null,
      errorClass: null,
      nextRetryAt: null,
      vendorRef: null,
      vendorExpectedAt: null,
      retained: [],
      expiring: null,
      connectorVersion: '1',
    },
  })
}

/** Every pass and every probe of a request, until it is COMPLETED. */
export async function complete(stand: Stand, vault: VaultProcess, id: string): Promise<void> {
  for (const step of ['cache#1', 'shop-pg#1', 'cache#2']) await erase(stand, vault, id, `${step}/initial`)
  vault.clock.at += 5_000
  await vault.tell(id, { type: 'Proceed' })
  const asked = await vault.log.transact([id], async (tx) => Object.keys(tx.state(id)?.probes ?? {}))
  for (const passId of asked) {
    await vault.tell(id, {
      type: 'ReportProbe',
      report: {
        reportId: passId,
        systemId: passId.slice(0, passId.indexOf('/')),
        passId,
        checkedAt: vault.clock.at,
        result: 'clean',
        residual: {},
        position: null,
        reasonCode: null,
        nextCheckAt: null,
        connectorVersion: '1',
      },
    })
  }
}
