import type { Outcome, ProbeFinding } from '@lethe/eraser-kit'
import type { SearchServer } from '@lethe/infra'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type LoneStore, openLoneStore, passOf } from './lone-store.spec.js'

type Answer = Record<string, unknown>
interface Fault {
  readonly name: string
  readonly of: RegExp
  readonly code: string
  /** Only where the connector does the work that way. */
  readonly method: 'delete' | 'redact'
  spoil(answer: Answer): unknown
}

const CHANGES = /_delete_by_query|^POST \/_bulk/
const SEARCHES = /\/_search(\?|$)/
const items = (answer: Answer, change: (item: Answer) => Answer) => ({
  ...answer,
  errors: true,
  items: (answer.items as Record<string, Answer>[]).map((item) =>
    Object.fromEntries(Object.entries(item).map(([action, said]) => [action, change(said)])),
  ),
})
const rejected = (status: number, type: string) => (answer: Answer) => {
  if (answer.items) return items(answer, ({ _index }) => ({ _index, status, error: { type } }))
  const cause = { type }
  return { ...answer, deleted: 0, failures: [{ status, cause }], version_conflicts: status === 409 ? 1 : 0 }
}
const shards = (change: Answer) => (answer: Answer) => ({
  ...answer,
  _shards: { ...(answer._shards as Answer), ...change },
})

const FAULTS: readonly Fault[] = (['delete', 'redact'] as const).flatMap((method) => [
  {
    name: 'a version conflict',
    of: CHANGES,
    code: 'version_conflict',
    method,
    spoil: rejected(409, 'version_conflict_engine_exception'),
  },
  {
    name: 'a rejected item',
    of: CHANGES,
    code: 'store_busy',
    method,
    spoil: rejected(429, 'es_rejected_execution_exception'),
  },
  {
    name: 'a failed shard',
    of: SEARCHES,
    code: 'partial_shards',
    method,
    spoil: shards({ failed: 1 }),
  },
  {
    name: 'a shard that did not answer',
    of: SEARCHES,
    code: 'partial_shards',
    method,
    spoil: shards({ total: 99 }),
  },
  {
    name: 'a search that ran out of time',
    of: SEARCHES,
    code: 'partial_shards',
    method,
    spoil: (answer: Answer) => ({ ...answer, timed_out: true }),
  },
  {
    name: 'a shard that was not refreshed',
    of: /_refresh/,
    code: 'partial_shards',
    method,
    spoil: shards({ failed: 1 }),
  },
])

/** Answers that hold a failure in their midst, as servers give them under load; the real server gives the rest. */
export function failuresSpecials(server: () => SearchServer): void {
  let store: LoneStore

  const present = () => store.put('users', { tenant_id: 'acme', user_id: 'u1' }, { id: 'one' })
  const mapOf = (method: 'delete' | 'redact') => [
    { name: 'users', by: 'user_id', method, ...(method === 'redact' ? { set: { user_id: null } } : {}) },
  ]

  /** Erases and looks while the store answers so; rejects unless both say that it did not go well. */
  async function notTakenForDone({ of, code, method, spoil }: Fault, planted = true): Promise<void> {
    const session = await store.open(mapOf(method))
    const pass = passOf({ user_id: 'u1' })
    if (planted)
      store.gate.instead = async (line, answer) => {
        if (!of.test(line) || /lethe-/.test(line)) return null
        // What was refused is still there.
        if (of === CHANGES) await present()
        return spoil(answer)
      }
    const { signal } = new AbortController()
    const receipt = () => ({ requestId: pass.requestId, passId: pass.passId, body: '{}' })
    const outcome = await session
      .erase([pass], { signal, now: Date.now, receipt })
      .then(([one]): Partial<Outcome> => one ?? {})
      .catch((error: { code?: string; errorClass?: string }): unknown => ({
        outcome: 'failed',
        ...of_(error),
      }))
    const finding: ProbeFinding = await store.probe(mapOf(method), pass)
    store.gate.instead = null
    expect(outcome).toMatchObject({ outcome: 'failed', errorCode: code, errorClass: 'retryable' })
    if (of !== CHANGES) expect(finding).toMatchObject({ result: 'inconclusive', reasonCode: code })
  }
  const of_ = ({ code, errorClass }: { code?: string; errorClass?: string }) => ({
    errorCode: code,
    errorClass,
  })

  describe('a failure inside an answer is a failure', () => {
    beforeEach(async () => {
      store = await openLoneStore(server())
      await store.index('users', { tenant_id: { type: 'keyword' }, user_id: { type: 'keyword' } })
      await present()
    })
    afterEach(() => store.close())
    it.each(FAULTS)('$method: $name', async (fault) => {
      await notTakenForDone(fault)
    })

    it('and each of these checks fails where nothing is wrong', async () => {
      for (const method of ['delete', 'redact'] as const) {
        await present()
        const [fault] = FAULTS.filter((one) => one.method === method)
        if (!fault) throw new RangeError('no fault')
        await expect(notTakenForDone(fault, false)).rejects.toThrow(/failed/)
      }
    })
  })
}
