import type { Marker, Pass, Receipt, ReceiptKey } from '@lethe/eraser-kit'
import { scanNode } from './find.js'
import { LETHE_PREFIX } from './grammar.js'
import type { Store } from './store.js'

/** A marker is never empty, so an empty text can stand for none. */
const REPLACE = `
if (redis.call('HGET', KEYS[1], 'value') or '') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'value', ARGV[2])
return 1`

const SLOT_FIELD = 'slot|'
const ERASED_FIELD = 'erased|'

/**
 * What Lethe keeps in the store, without identifiers: per pass a receipt (the sealed acknowledgement) and
 * counts of what was removed, per system a marker. In a cluster the counts live in the slots of the
 * removed keys, and the receipt lists those slots before anything goes.
 */
export class Ledger {
  private readonly prefix: string

  constructor(
    private readonly store: Store,
    systemId: string,
  ) {
    this.prefix = `${LETHE_PREFIX}${systemId}:`
  }

  receiptKey({ requestId, passId }: ReceiptKey): string {
    return `${this.prefix}receipt:{${requestId}}:${passId}`
  }

  countsKey({ requestId, passId }: ReceiptKey, tag: string): string {
    return `${this.prefix}counts:{${tag === '' ? requestId : tag}}:${requestId}:${passId}`
  }

  /** Writes down where counts will be, before there are any. Idempotent. */
  async intend(pass: Pass, tags: readonly string[], now: number): Promise<void> {
    if (!this.store.cluster || tags.length === 0) return
    const fields = Object.fromEntries(tags.map((tag) => [`${SLOT_FIELD}${tag}`, '1']))
    await this.store.client.hset(this.receiptKey(pass), { ...fields, at: String(now) })
  }

  /** What this pass has removed so far, in all its attempts, per family. */
  async erased(pass: Pass): Promise<Map<string, number>> {
    const total = new Map<string, number>()
    for (const tag of await this.tags(pass)) {
      const fields = await this.store.client.hgetall(this.countsKey(pass, tag))
      for (const [field, value] of Object.entries(fields)) {
        if (!field.startsWith(ERASED_FIELD)) continue
        const family = field.slice(ERASED_FIELD.length)
        total.set(family, (total.get(family) ?? 0) + Number(value))
      }
    }
    return total
  }

  private async tags(pass: ReceiptKey): Promise<string[]> {
    if (!this.store.cluster) return ['']
    const fields = await this.store.client.hkeys(this.receiptKey(pass))
    return fields.flatMap((field) => (field.startsWith(SLOT_FIELD) ? [field.slice(SLOT_FIELD.length)] : []))
  }

  /** The last step of a pass. Idempotent: the same pass overwrites its own receipt. */
  async write(receipt: Receipt, now: number): Promise<void> {
    await this.store.client.hset(this.receiptKey(receipt), { body: receipt.body, at: String(now) })
  }

  async read(keys: readonly ReceiptKey[]): Promise<Receipt[]> {
    const bodies = await Promise.all(keys.map((key) => this.store.client.hget(this.receiptKey(key), 'body')))
    return keys.flatMap(({ requestId, passId }, index) => {
      const body = bodies[index]
      return body === null || body === undefined ? [] : [{ requestId, passId, body }]
    })
  }

  /** Counts a batch of receipts: a store that shows fewer than it did was restored. */
  async mark(): Promise<void> {
    await this.store.client.hincrby(`${this.prefix}marker`, 'receipts', 1)
  }

  async marker(): Promise<Marker> {
    const [value, receipts] = await this.store.client.hmget(`${this.prefix}marker`, 'value', 'receipts')
    return { found: value ?? null, receipts: Number(receipts ?? 0) }
  }

  /** Compare-and-set; false when another value stands there. `null` is: none. */
  async replaceMarker(expected: string | null, next: string): Promise<boolean> {
    const key = `${this.prefix}marker`
    return (await this.store.client.eval(REPLACE, 1, key, expected ?? '', next)) === 1
  }

  /** Receipts and counts older than `before` go; returns how many receipts did. */
  async prune(before: Date): Promise<number> {
    let receipts = 0
    for (const kind of ['receipt', 'counts'] as const) {
      const keys = await this.keysOf(kind)
      const times = await Promise.all(keys.map((key) => this.store.client.hget(key, 'at')))
      const old = keys.filter(
        (_key, index) => Number(times[index] ?? Number.POSITIVE_INFINITY) < before.getTime(),
      )
      const removed = await Promise.all(old.map((key) => this.store.client.unlink(key)))
      if (kind === 'receipt') receipts = removed.reduce((sum, count) => sum + count, 0)
    }
    return receipts
  }

  private async keysOf(kind: 'receipt' | 'counts'): Promise<string[]> {
    const keys = new Set<string>()
    // A system name has no glob characters, so this pattern is literal but for its end.
    const pattern = `${this.prefix}${kind}:*`
    for (const node of this.store.masters()) {
      await scanNode(node, pattern, (page) => {
        for (const key of page) keys.add(key.toString())
      })
    }
    return [...keys]
  }
}
