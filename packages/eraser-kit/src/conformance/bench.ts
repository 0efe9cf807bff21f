import { randomUUID } from 'node:crypto'
import type {
  Connector,
  EraseIo,
  IdentifierType,
  OpenContext,
  Outcome,
  Pass,
  ProbeSession,
  Receipt,
  Session,
} from '../connector.js'
import { type Settlement, settle } from '../settle.js'
import type { Backdoor, Endpoint, Person } from './backdoor.js'
import { FaultProxy } from './fault-proxy.js'
import { inventPerson, subjectOf } from './people.js'

type Credentials = 'erase' | 'probe' | 'wrong'

/** What a check works with: an empty store, the connector, the proxy, and invented people. */
export interface Bench {
  readonly connector: Connector
  readonly backdoor: Backdoor
  readonly proxy: FaultProxy
  /** Identifier types this connector asks for. */
  readonly types: readonly IdentifierType[]
  person(change?: Parameters<typeof inventPerson>[1]): Person
  pass(person: Person, change?: Partial<Pass>): Pass
  /** Closed by the bench. */
  open(
    at?: Endpoint,
    credentials?: Credentials,
    change?: Partial<OpenContext<unknown, unknown>>,
  ): Promise<Session>
  openProbe(at?: Endpoint, credentials?: Credentials): Promise<ProbeSession>
  io(change?: Partial<EraseIo>): EraseIo
  /** Erases as the host does: receipts first, bisecting. An outcome per pass, from the receipt where there is one. */
  deliver(session: Session, passes: readonly Pass[], io?: EraseIo): Promise<Outcome[]>
  /** As `deliver`, with thrown errors still visible. */
  settle(session: Session, passes: readonly Pass[], io?: EraseIo): Promise<Settlement[]>
  close(): Promise<void>
}

const receiptOf = (pass: Pass, outcome: Outcome): Receipt => ({
  requestId: pass.requestId,
  passId: pass.passId,
  body: JSON.stringify(outcome),
})

/** Empties the store and prepares a bench on it. */
export async function openBench(connector: Connector, backdoor: Backdoor): Promise<Bench> {
  await backdoor.reset()
  const proxy = await FaultProxy.open(backdoor.endpoint)
  const types = connector.identifiers(backdoor.system, backdoor.canonical)
  const closers: (() => Promise<void>)[] = []
  const context = (at: Endpoint, credentials: Credentials): OpenContext<unknown, unknown> => ({
    systemId: 'conformance',
    options: connector.options.parse(backdoor.options(at, credentials)),
    system: backdoor.system,
    tenant: backdoor.tenant,
    canonical: backdoor.canonical,
    ceiling: null,
  })
  const io = (change: Partial<EraseIo> = {}): EraseIo => ({
    signal: new AbortController().signal,
    now: Date.now,
    receipt: receiptOf,
    ...change,
  })
  const settled = (session: Session, passes: readonly Pass[], with_: EraseIo = io()) =>
    settle(session, passes, with_)
  return {
    connector,
    backdoor,
    proxy,
    types,
    io,
    settle: settled,
    person: (change) => inventPerson(types, change),
    pass: (person, change) => passOf(person, types, change),
    open: async (at = backdoor.endpoint, credentials = 'erase', change = {}) => {
      const session = await connector.open({ ...context(at, credentials), ...change })
      closers.push(() => session.close())
      return session
    },
    openProbe: async (at = backdoor.endpoint, credentials = 'probe') => {
      const session = await connector.openProbe(context(at, credentials))
      closers.push(() => session.close())
      return session
    },
    deliver: async (session, passes, with_) => (await settled(session, passes, with_)).map(outcomeOf),
    close: async () => {
      proxy.release()
      // A session whose connection was cut on purpose may not close cleanly; the next check opens its own.
      await Promise.allSettled(closers.map((close) => close()))
      await proxy.close()
    },
  }
}

function passOf(person: Person, types: readonly IdentifierType[], change: Partial<Pass> = {}): Pass {
  return {
    requestId: randomUUID(),
    systemId: 'conformance',
    stepId: 'conformance#1',
    passId: 'conformance#1/initial',
    attempt: 1,
    subject: subjectOf(person, types),
    grant: { grantId: randomUUID(), expiresAt: Date.now() + 30_000 },
    ceilingWaived: false,
    ...change,
  }
}

/** What would be acknowledged. */
export function outcomeOf(settlement: Settlement): Outcome {
  if (settlement.by === 'outcome') return settlement.outcome
  if (settlement.by === 'receipt') return JSON.parse(settlement.receipt.body) as Outcome
  return { outcome: 'failed', counts: {}, errorCode: 'thrown', errorClass: 'retryable' }
}
