import type { Outcome, Pass } from '@lethe/eraser-kit'
import type { SearchServer } from '@lethe/infra'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type LoneStore, openLoneStore, passOf } from './lone-store.spec.js'

const CHANGES = /_delete_by_query|^POST \/_bulk/
const DOCUMENTS = 1_200
const busy = { status: 503, error: { type: 'unavailable_shards_exception' } }

/** Whatever ends a pass in the middle, the passes of its step say together what was erased, once. */
export function countsSpecials(server: () => SearchServer): void {
  let store: LoneStore

  const mapOf = (method: 'delete' | 'redact') => [
    { name: 'users', by: 'user_id', method, ...(method === 'redact' ? { set: { user_id: null } } : {}) },
  ]
  const passFor = (first: Pass, reason: string): Pass => ({ ...first, passId: `search#1/${reason}` })
  const changed = ({ counts }: Outcome) => (counts.users?.erased ?? 0) + (counts.users?.redacted ?? 0)
  /** The error a session throws is what the host would acknowledge without counts. */
  const ended = (erasing: Promise<Outcome>) =>
    erasing.then(
      () => 'done',
      (error: { code?: string; name?: string }) => `${error.name} ${error.code}`,
    )

  /** With its `nth` change, which it does, the cluster begins to answer that it takes no work, whatever it is asked. */
  function breakAt(nth: number): void {
    let changes = 0
    store.gate.instead = async (line) => {
      if (CHANGES.test(line)) changes++
      return changes >= nth ? busy : null
    }
  }
  const mend = () => {
    store.gate.instead = null
    store.gate.before = async () => undefined
  }

  describe.each(['delete', 'redact'] as const)('true counts (%s)', (method) => {
    const map = mapOf(method)
    beforeEach(async () => {
      store = await openLoneStore(server())
      await store.index('users', { tenant_id: { type: 'keyword' }, user_id: { type: 'keyword' } })
      const source = { tenant_id: 'acme', user_id: 'u1' }
      const lines = Array.from({ length: DOCUMENTS }, () => [{ index: {} }, source])
      await store.call('POST', '/users/_bulk?refresh=true', lines.flat())
    })
    afterEach(() => store.close())

    it('come with the pass that replaces one which a failing cluster ended in the middle', async () => {
      const first = passOf({ user_id: 'u1' })
      breakAt(2)
      expect(await ended(store.erase(map, first))).toBe('StoreAwayError store_busy')
      mend()
      const second = await store.erase(map, passFor(first, 'retry-1'))
      expect(changed(second)).toBe(DOCUMENTS)
    })

    it('come with the third pass when two have ended so, and are not told again by a fourth', async () => {
      const first = passOf({ user_id: 'u1' })
      for (const reason of ['initial', 'retry-1']) {
        breakAt(1)
        expect(await ended(store.erase(map, passFor(first, reason)))).toBe('StoreAwayError store_busy')
        mend()
      }
      expect(changed(await store.erase(map, passFor(first, 'resume-1')))).toBe(DOCUMENTS)
      expect(changed(await store.erase(map, passFor(first, 'retry-2')))).toBe(0)
    })

    it('are told once, by the failure that happened or by the pass after it', async () => {
      const first = passOf({ user_id: 'u1' })
      let meddled = 0
      store.gate.before = async (line) => {
        if (!CHANGES.test(line) || meddled++ > 0) return
        const [one] = await store.ids('users')
        await store.put(
          'users',
          { tenant_id: 'acme', user_id: 'u1', seen: 1 },
          { id: one ?? '', refresh: false },
        )
      }
      const failed = await store.erase(map, first)
      expect(failed).toMatchObject({ outcome: 'failed', errorCode: 'version_conflict' })
      mend()
      const second = await store.erase(map, passFor(first, 'retry-1'))
      expect(changed(failed)).toBeGreaterThan(0)
      expect(changed(failed) + changed(second)).toBe(DOCUMENTS)
    })

    it('are those of one person, and of another request those of the other', async () => {
      const first = passOf({ user_id: 'u1' })
      breakAt(1)
      expect(await ended(store.erase(map, first))).toBe('StoreAwayError store_busy')
      mend()
      const other = await store.erase(map, { ...passOf({ user_id: 'u1' }), passId: 'search#1/retry-1' })
      expect(changed(other)).toBe(DOCUMENTS - 500)
    })
  })
}
