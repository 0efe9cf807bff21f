import { withClient } from '@lethe/infra'
import type { Chain } from '../harness/chain.js'
import type { Change } from './witness.js'

/** What Lethe's log says about one person's request; times in epoch milliseconds. */
export interface History {
  readonly requestId: string
  /** `until` is null while the hold is in force. */
  readonly holds: readonly { readonly effectiveAt: number; readonly until: number | null }[]
  readonly grants: readonly { readonly systemId: string; readonly at: number; readonly expiresAt: number }[]
  /** Systems of which an acknowledgement says that something went. */
  readonly told: ReadonlySet<string>
}

/** A change that must not have been. */
export interface Violation {
  readonly rule: 'after a hold was effective' | 'without a grant'
  readonly change: Change
}

/**
 * Compares commit times of the stores with the log: nothing of a person goes while a hold is effective, and
 * nothing at any time but within a grant for that system. Pure. Only people with a history are judged.
 */
export function violations(
  changes: readonly Change[],
  histories: ReadonlyMap<string, History>,
): readonly Violation[] {
  return changes.flatMap((change): Violation[] => {
    const history = histories.get(change.userId)
    if (!history) return []
    const ms = change.at / 1_000
    const held = history.holds.some(
      ({ effectiveAt, until }) => ms > effectiveAt && (until === null || ms < until),
    )
    const granted = history.grants.some(
      ({ systemId, at, expiresAt }) => systemId === change.systemId && ms >= at && ms <= expiresAt,
    )
    return [
      ...(held ? [{ rule: 'after a hold was effective' as const, change }] : []),
      ...(granted ? [] : [{ rule: 'without a grant' as const, change }]),
    ]
  })
}

interface LogRow {
  readonly id: string
  readonly type: string
  readonly data: {
    holdId: string
    systemId: string
    at: number
    effectiveAt: number
    expiresAt: number
    outcome: string
  }
}

/** Reads the histories of requests from the log, by user id. */
export async function historiesOf(
  chain: Chain,
  requestOf: ReadonlyMap<string, string>,
): Promise<ReadonlyMap<string, History>> {
  const rows = await withClient(chain.letheUrl, async (client) => {
    const result = await client.query<LogRow>(
      `SELECT stream_id AS id, type, data FROM events.events
       WHERE stream_id = ANY ($1) AND type IN ('RequestHeld', 'RequestReleased', 'GrantIssued', 'PassAcknowledged')
       ORDER BY stream_id, version`,
      [[...requestOf.values()]],
    )
    return result.rows
  })
  const byRequest = new Map<string, LogRow[]>()
  for (const row of rows) byRequest.set(row.id, [...(byRequest.get(row.id) ?? []), row])
  return new Map([...requestOf].map(([userId, id]) => [userId, historyOf(id, byRequest.get(id) ?? [])]))
}

function historyOf(requestId: string, rows: readonly LogRow[]): History {
  const of = (type: string) => rows.filter((row) => row.type === type).map(({ data }) => data)
  const released = of('RequestReleased')
  return {
    requestId,
    holds: of('RequestHeld').map(({ holdId, effectiveAt }) => ({
      effectiveAt,
      until: released.find((release) => release.holdId === holdId)?.at ?? null,
    })),
    grants: of('GrantIssued').map(({ systemId, at, expiresAt }) => ({ systemId, at, expiresAt })),
    told: new Set(
      of('PassAcknowledged').flatMap(({ systemId, outcome }) =>
        outcome === 'erased' || outcome === 'redacted' ? [systemId] : [],
      ),
    ),
  }
}
