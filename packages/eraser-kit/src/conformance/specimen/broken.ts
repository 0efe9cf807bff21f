import { RetryableError, TerminalError } from '@lethe/service-host'
import type {
  Connector,
  Counts,
  EraseIo,
  Outcome,
  Pass,
  PeopleColumns,
  ProbeFinding,
  Receipt,
  Subject,
} from '../../connector.js'
import type { ShelfError } from './shelf-client.js'
import { Shelf, shelfConnector } from './shelf-connector.js'

/** A connector broken in one way. `check` is the name of the check that must notice. */
export interface BrokenConnector {
  readonly check: string
  readonly flaw: string
  readonly connector: Connector
}

const erasing = (check: string, flaw: string, Session: typeof Shelf): BrokenConnector => ({
  check,
  flaw,
  connector: shelfConnector(Session) as unknown as Connector,
})
const probing = (check: string, flaw: string, Session: typeof Shelf): BrokenConnector => ({
  check,
  flaw,
  connector: shelfConnector(Shelf, Session) as unknown as Connector,
})

const firstIdentifier = (subject: Subject): string => subject.identifiers[0]?.value ?? ''
const FAR = Number.MAX_SAFE_INTEGER

/** Searches by prefix instead of finding the exact owner. */
class ByPrefix extends Shelf {
  override async find(subject: Subject): Promise<Record<string, string[]>> {
    const found: Record<string, string[]> = {}
    for (const [collection, type] of Object.entries(this.context.system.collections)) {
      const owner = subject.identifiers.find((identifier) => identifier.type === type)?.value ?? '\u0000'
      const prefix = owner.split('@')[0] ?? owner
      found[collection] = await this.ask({ ask: 'search', collection, tenantId: subject.tenantId, prefix })
    }
    return found
  }
}

/** Erases what a pattern matches, as `KEYS u1*` would. */
class ByPattern extends Shelf {
  override async find(subject: Subject): Promise<Record<string, string[]>> {
    const star = subject.identifiers.some(({ value }) => value.endsWith('*'))
    if (!star) return super.find(subject)
    const found: Record<string, string[]> = {}
    for (const collection of Object.keys(this.context.system.collections)) {
      const prefix = firstIdentifier(subject).slice(0, -1)
      found[collection] = await this.ask({ ask: 'search', collection, tenantId: subject.tenantId, prefix })
    }
    return found
  }
}

class AnyTenant extends Shelf {
  override async find(subject: Subject): Promise<Record<string, string[]>> {
    const found: Record<string, string[]> = {}
    for (const [collection, type] of Object.entries(this.context.system.collections)) {
      const prefix = subject.identifiers.find((identifier) => identifier.type === type)?.value ?? '\u0000'
      found[collection] = await this.ask({ ask: 'search', collection, tenantId: '*', prefix })
    }
    return found
  }
}

/** A tenant called `*` reaches every tenant. */
class TenantPattern extends AnyTenant {
  override find(subject: Subject): Promise<Record<string, string[]>> {
    return subject.tenantId === '*' ? super.find(subject) : Shelf.prototype.find.call(this, subject)
  }
}

class ForgetsLetters extends Shelf {
  override remove(ids: readonly string[], receipts: readonly Receipt[], notAfter: number): Promise<void> {
    return super.remove(
      ids.filter((id) => !id.startsWith('letters')),
      receipts,
      notAfter,
    )
  }
}

class AbsentIsFailure extends Shelf {
  override async eraseOne(pass: Pass, io: EraseIo): Promise<Outcome> {
    const outcome = await super.eraseOne(pass, io)
    return outcome.outcome === 'not_found'
      ? { ...outcome, outcome: 'failed', errorCode: 'not_there' }
      : outcome
  }
}

class SharesCounts extends Shelf {
  override async erase(batch: readonly Pass[], io: EraseIo): Promise<Outcome[]> {
    const outcomes = await super.erase(batch, io)
    return outcomes.map(() => outcomes[0] as Outcome)
  }
}

class KeepsNoReceipts extends Shelf {
  override remove(ids: readonly string[], _receipts: readonly Receipt[], notAfter: number): Promise<void> {
    return super.remove(ids, [], notAfter)
  }
}

/** Remembers the request instead of the pass: whoever comes back from a backup is "already done". */
class DoneForEver extends Shelf {
  override readonly receipts = {
    read: async (keys: readonly { requestId: string; passId: string }[]): Promise<Receipt[]> => {
      const all = await this.ask<Receipt[]>({
        ask: 'receipts',
        keys: keys.map(({ requestId }) => ({ requestId, passId: 'conformance#1/initial' })),
      })
      return keys.flatMap(({ requestId, passId }) =>
        all.filter((receipt) => receipt.requestId === requestId).map((receipt) => ({ ...receipt, passId })),
      )
    },
    marker: async () => ({ found: null, receipts: 0 }),
    prune: async () => 0,
  }
}

class NamesInReceipts extends Shelf {
  override async eraseOne(pass: Pass, io: EraseIo): Promise<Outcome> {
    const receipt: EraseIo['receipt'] = (of, outcome) => ({
      ...io.receipt(of, outcome),
      body: JSON.stringify({ ...outcome, whom: firstIdentifier(pass.subject) }),
    })
    return super.eraseOne(pass, { ...io, receipt })
  }
}

class PreviewErases extends Shelf {
  override async preview(subjects: readonly Subject[]): Promise<Counts[]> {
    const counts = await super.preview(subjects)
    const eraser = new Shelf({
      ...this.context,
      options: { ...this.context.options, password: 'may remove' },
    })
    for (const subject of subjects)
      await eraser.remove(Object.values(await this.find(subject)).flat(), [], FAR)
    await eraser.close()
    return counts
  }
}

class DescribeWrites extends Shelf {
  override async describe() {
    const item = { id: 'profiles/0', collection: 'profiles', tenantId: 'none', owner: 'describe' }
    await this.ask({ ask: 'add', item })
    return super.describe()
  }
}

class NoCeiling extends Shelf {
  override eraseOne(pass: Pass, io: EraseIo): Promise<Outcome> {
    return super.eraseOne({ ...pass, ceilingWaived: true }, io)
  }
}

class EmptyIsFine extends Shelf {
  override async find(subject: Subject): Promise<Record<string, string[]>> {
    return subject.identifiers.length === 0 ? {} : super.find(subject)
  }
}

class OneSpoilsAll extends Shelf {
  override async erase(batch: readonly Pass[], io: EraseIo): Promise<Outcome[]> {
    const spoilt = batch.some(({ subject }) => subject.identifiers.some(({ value }) => value.includes('*')))
    if (!spoilt) return super.erase(batch, io)
    return batch.map(() => ({ outcome: 'failed', counts: {}, errorCode: 'invalid', errorClass: 'terminal' }))
  }
}

class DownIsTerminal extends Shelf {
  override translate(): Error {
    return new TerminalError('store_error', 'Something is wrong with the shelf.')
  }
}

class RefusedIsRetryable extends Shelf {
  override translate(): Error {
    return new RetryableError('store_error', 'Something is wrong with the shelf.')
  }
}

/** Counts what failed as done. */
class SwallowsErrors extends Shelf {
  override async remove(
    ids: readonly string[],
    receipts: readonly Receipt[],
    notAfter: number,
  ): Promise<void> {
    await super.remove(ids, receipts, notAfter).catch(() => undefined)
  }
}

class QuotesTheStore extends Shelf {
  override translate(error: ShelfError): Error {
    return new RetryableError(error.code, error.text, { cause: error })
  }
}

/** Removes first and writes the receipt afterwards: a crash in between loses the counts. */
class ReceiptAfterwards extends Shelf {
  override async remove(
    ids: readonly string[],
    receipts: readonly Receipt[],
    notAfter: number,
  ): Promise<void> {
    await super.remove(ids, [], notAfter)
    await super.remove([], receipts, notAfter)
  }
}

class NeverExpires extends Shelf {
  override remove(ids: readonly string[], receipts: readonly Receipt[]): Promise<void> {
    return super.remove(ids, receipts, FAR)
  }
}

/** Looks at the grant when it starts and never again. */
class ExpiryAtStart extends Shelf {
  override async eraseOne(pass: Pass, io: EraseIo): Promise<Outcome> {
    if (io.now() > pass.grant.expiresAt) throw new RetryableError('grant_expired', 'The grant expired.')
    return super.eraseOne({ ...pass, grant: { ...pass.grant, expiresAt: FAR } }, io)
  }
}

class IgnoresAbort extends Shelf {
  override eraseOne(pass: Pass, io: EraseIo): Promise<Outcome> {
    return super.eraseOne(pass, { ...io, signal: new AbortController().signal })
  }
}

class ProbesProfilesOnly extends Shelf {
  override async probe(subjects: readonly Subject[]): Promise<ProbeFinding[]> {
    const findings = await super.probe(subjects)
    return findings.map(({ residual }) => {
      const profiles = residual.profiles ?? 0
      return { result: profiles === 0 ? 'clean' : 'residual', residual: { profiles } }
    })
  }
}

class BelievesTheEraser extends Shelf {
  override async probe(subjects: readonly Subject[]): Promise<ProbeFinding[]> {
    return subjects.map(() => ({ result: 'clean', residual: { profiles: 0, letters: 0 } }))
  }
}

class BlindIsClean extends Shelf {
  override probe(subjects: readonly Subject[]): Promise<ProbeFinding[]> {
    return super.probe(subjects).catch(() => subjects.map(() => ({ result: 'clean', residual: {} })))
  }
}

class SiftsFirstOnly extends Shelf {
  override async sift(people: PeopleColumns): Promise<readonly number[]> {
    return (await super.sift(people)).slice(0, 1)
  }
}

/** Nobody is lost by it, and nothing is won. */
class SiftsNobody extends Shelf {
  override async sift({ counts }: PeopleColumns): Promise<readonly number[]> {
    return counts.map((_, place) => place)
  }
}

class BlindIsAbsent extends Shelf {
  override sift(people: PeopleColumns): Promise<readonly number[]> {
    return super.sift(people).catch(() => [])
  }
}

/** At least one broken connector per check. */
export const brokenConnectors: readonly BrokenConnector[] = [
  erasing('erases', 'leaves one collection and says it is done', ForgetsLetters),
  erasing('already-absent', 'fails for somebody who is not there', AbsentIsFailure),
  erasing('batch', 'gives everybody the counts of the first', SharesCounts),
  erasing('redelivery', 'keeps no receipt and says not_found the second time', KeepsNoReceipts),
  erasing('restored', 'takes a request that was done once for done for ever', DoneForEver),
  erasing('receipts-name-nobody', 'writes the identifier into its receipt', NamesInReceipts),
  erasing('twin', 'matches by prefix', ByPrefix),
  erasing('second-tenant', 'leaves the tenant out of the selector', AnyTenant),
  erasing('preview', 'erases while previewing', PreviewErases),
  erasing('describe', 'writes while describing', DescribeWrites),
  erasing('ceiling', 'knows no ceiling', NoCeiling),
  erasing('hostile', 'takes an identifier for a pattern', ByPattern),
  erasing('hostile-tenant', 'takes a tenant for a pattern', TenantPattern),
  erasing('no-identifier', 'is content with an empty selector', EmptyIsFine),
  erasing('hostile-neighbour', 'fails everybody for one bad subject', OneSpoilsAll),
  erasing('down-is-retryable', 'gives up on a store that is down', DownIsTerminal),
  erasing('refused-is-not-retryable', 'retries refused credentials for ever', RefusedIsRetryable),
  erasing('partial-failure', 'counts what failed as done', SwallowsErrors),
  erasing('errors-name-nobody', 'passes the text of the store on', QuotesTheStore),
  erasing('crash', 'writes the receipt after the change', ReceiptAfterwards),
  erasing('expired-before', 'never looks at the grant', NeverExpires),
  erasing('expired-meanwhile', 'looks at the grant only at the start', ExpiryAtStart),
  erasing('aborted', 'ignores the signal', IgnoresAbort),
  probing('probe-finds', 'believes the eraser', BelievesTheEraser),
  probing('probe-finds', 'forgets one collection', ProbesProfilesOnly),
  probing('probe-exact', 'matches by prefix', ByPrefix),
  probing('blind-probe', 'takes an error for clean', BlindIsClean),
  probing('sift-exact', 'leaves out somebody who is there', SiftsFirstOnly),
  probing('sift-exact', 'calls nobody absent', SiftsNobody),
  probing('blind-sift', 'takes an error for absent', BlindIsAbsent),
]
