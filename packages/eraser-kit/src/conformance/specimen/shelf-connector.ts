import { PausedError, RetryableError, TerminalError } from '@lethe/service-host'
import { z } from 'zod'
import {
  type Connector,
  type Counts,
  defineConnector,
  type EraseIo,
  type OpenContext,
  type Outcome,
  type Pass,
  type PeopleColumns,
  type ProbeFinding,
  type Receipt,
  type Subject,
} from '../../connector.js'
import { ShelfClient, ShelfError } from './shelf-client.js'

export const options = z.object({ host: z.string(), port: z.number(), password: z.string() })
/** Collections and the identifier type their items are filed under. */
export const system = z.object({ collections: z.record(z.string(), z.enum(['user_id', 'email'])) })
type Options = z.infer<typeof options>
type System = z.infer<typeof system>
type Context = OpenContext<Options, System>

const nothing = { found: 0, erased: 0, redacted: 0, retained: 0, failed: 0 }

/** One session on the shelf. Broken specimens override what they break. */
export class Shelf {
  readonly client: ShelfClient
  constructor(readonly context: Context) {
    this.client = new ShelfClient(context.options, context.options.password)
  }

  async close(): Promise<void> {
    await this.client.close()
  }

  async describe() {
    await this.ask({ ask: 'receipts', keys: [] })
    const collections = Object.keys(this.context.system.collections).map((name) => ({
      name,
      fields: ['owner'],
    }))
    return { version: '1', collections, findings: [] }
  }

  async preview(subjects: readonly Subject[]): Promise<Counts[]> {
    return Promise.all(
      subjects.map(async (subject) =>
        Object.fromEntries(
          Object.entries(await this.find(subject)).map(([name, ids]) => [
            name,
            { ...nothing, found: ids.length },
          ]),
        ),
      ),
    )
  }

  readonly receipts: {
    read(keys: readonly { requestId: string; passId: string }[]): Promise<Receipt[]>
    marker(): Promise<{ found: null; receipts: number }>
    prune(): Promise<number>
  } = {
    read: (keys) =>
      this.ask<Receipt[]>({
        ask: 'receipts',
        keys: keys.map(({ requestId, passId }) => ({ requestId, passId })),
      }),
    marker: async () => ({ found: null, receipts: 0 }),
    prune: async () => 0,
  }

  async erase(batch: readonly Pass[], io: EraseIo): Promise<Outcome[]> {
    const outcomes: Outcome[] = []
    for (const pass of batch) outcomes.push(await this.eraseOne(pass, io))
    return outcomes
  }

  async probe(subjects: readonly Subject[]): Promise<ProbeFinding[]> {
    return Promise.all(
      subjects.map(async (subject) => {
        const residual: Record<string, number> = {}
        for (const [name, ids] of Object.entries(await this.find(subject))) residual[name] = ids.length
        const clean = Object.values(residual).every((n) => n === 0)
        return { result: clean ? 'clean' : 'residual', residual }
      }),
    )
  }

  async sift(people: PeopleColumns): Promise<readonly number[]> {
    const { tenantIds, receivedAt, types, values } = people
    let end = 0
    const subjects = people.counts.map((count, place): Subject => {
      const from = end
      end += count
      const own = types.slice(from, end).map((type, n) => ({ type, value: values[from + n] ?? '' }))
      const [tenantId = '', at = 0] = [tenantIds[place], receivedAt[place]]
      return { subjectRef: String(place), tenantId, receivedAt: at, identifiers: own }
    })
    const findings = await this.probe(subjects)
    return findings.flatMap(({ result }, place) => (result === 'clean' ? [] : [place]))
  }

  async eraseOne(pass: Pass, io: EraseIo): Promise<Outcome> {
    try {
      const found = await this.find(pass.subject)
      const ids = Object.values(found).flat()
      if (!pass.ceilingWaived && ids.length > (this.context.ceiling ?? Number.POSITIVE_INFINITY))
        return failed('over_ceiling', 'paused')
      if (io.signal.aborted) return failed('aborted', 'retryable')
      const outcome: Outcome = { outcome: ids.length > 0 ? 'erased' : 'not_found', counts: countsOf(found) }
      await this.remove(ids, [io.receipt(pass, outcome)], pass.grant.expiresAt)
      return outcome
    } catch (error) {
      if (error instanceof TerminalError) return failed(error.code, 'terminal')
      throw error
    }
  }

  async remove(ids: readonly string[], receipts: readonly Receipt[], notAfter: number): Promise<void> {
    await this.ask({ ask: 'remove', ids, receipts, notAfter })
  }

  async find(subject: Subject): Promise<Record<string, string[]>> {
    if (subject.identifiers.length === 0)
      throw new TerminalError('empty_selector', 'The subject has no identifier this system knows.')
    const found: Record<string, string[]> = {}
    for (const [collection, type] of Object.entries(this.context.system.collections)) {
      const owner = subject.identifiers.find((identifier) => identifier.type === type)?.value
      found[collection] =
        owner === undefined
          ? []
          : await this.ask({ ask: 'find', collection, tenantId: subject.tenantId, owner })
    }
    return found
  }

  async ask<Answer>(question: Parameters<ShelfClient['ask']>[0]): Promise<Answer> {
    try {
      return await this.client.ask<Answer>(question)
    } catch (error) {
      throw this.translate(error instanceof ShelfError ? error : new ShelfError('unreachable'))
    }
  }

  translate(error: ShelfError): Error {
    if (error.code === 'refused')
      return new PausedError('credentials_refused', 'The shelf refuses the password.')
    if (error.code === 'locked') return new TerminalError('locked', 'The shelf refuses to remove an item.')
    if (error.code === 'expired')
      return new RetryableError('grant_expired', 'The grant expired before the change.')
    return new RetryableError('store_unreachable', 'The shelf does not answer.')
  }
}

const failed = (errorCode: string, errorClass: Outcome['errorClass']): Outcome => ({
  outcome: 'failed',
  counts: {},
  errorCode,
  ...(errorClass ? { errorClass } : {}),
})

const countsOf = (found: Record<string, string[]>): Counts =>
  Object.fromEntries(
    Object.entries(found).map(([name, ids]) => [name, { ...nothing, found: ids.length, erased: ids.length }]),
  )

/** A connector for the shelf, sound or broken by the session class it is given. */
export function shelfConnector(
  Erasing: typeof Shelf = Shelf,
  Probing: typeof Shelf = Shelf,
): Connector<Options, System> {
  return defineConnector<Options, System>({
    kind: 'shelf',
    version: '1.0.0',
    stage: 'record',
    options,
    system,
    identifiers: (section) => [...new Set(Object.values(section.collections))],
    capabilities: { receipts: 'transactional', batch: { max: 10 } },
    open: async (context) => new Erasing(context),
    openProbe: async (context) => new Probing(context),
  })
}
