import { randomBytes, randomUUID } from 'node:crypto'
import { withClient } from '@lethe/infra'
import { listDeadLetters, MessageCodec, MessageProducer } from '@lethe/messaging'
import { macOf, type wire } from '@lethe/schemas'
import { Caller } from '../harness/caller.js'
import type { Chain } from '../harness/chain.js'

export interface Cleared {
  readonly requestId: string
  readonly tenantId: string
  readonly subjectRef: string
  readonly grantId: string
  readonly macKey: string
}

/** Writes to the topics as somebody would who got at them, and asks `request` with any credential. */
export class Forger {
  private constructor(
    private readonly chain: Chain,
    private readonly producer: MessageProducer,
  ) {}

  static async open(chain: Chain): Promise<Forger> {
    const codec = await MessageCodec.connect(chain.context.at.registryUrl, { register: true })
    return new Forger(chain, new MessageProducer({ kafka: kafkaOf(chain), codec }))
  }

  close(): Promise<void> {
    return this.producer.disconnect()
  }

  /** Asks for clearance for the first pass of a request. */
  ask(token: string | null, requestId: string, systemId = 'cache', purpose = 'erase') {
    const passId = purpose === 'erase' ? `${systemId}#1/initial` : `${systemId}/probe-1`
    const http = new Caller(this.chain.context.at.requestUrl, '')
    const body = { systemId, purpose, passes: [{ requestId, passId, attempt: 1 }] }
    return http.call('POST', '/v1/clearance', { token, body })
  }

  /** A grant as the cache's own eraser gets it. */
  async grant(requestId: string): Promise<Cleared> {
    const { body } = await this.ask(this.chain.context.secrets.token('eraser-cache'), requestId)
    const [answer] = (body?.results ?? []) as {
      decision: string
      grant: { grantId: string; macKey: string }
      subject: { tenantId: string; subjectRef: string }
    }[]
    if (answer?.decision !== 'go') throw new Error(`no grant: ${JSON.stringify(answer)}`)
    const { grantId, macKey } = answer.grant
    const { tenantId, subjectRef } = answer.subject
    return { requestId, tenantId, subjectRef, grantId, macKey }
  }

  async acknowledge(...messages: wire.ErasureAcknowledged[]): Promise<void> {
    await this.producer.send(
      messages.map((value) => ({
        topic: 'erasure.acknowledged',
        key: value.subjectRef,
        type: 'ErasureAcknowledged',
        value,
        id: value.ackId,
      })),
    )
  }

  async command(...messages: wire.ErasureRequested[]): Promise<void> {
    await this.producer.send(
      messages.map((value) => ({
        topic: 'erasure.requested',
        key: value.subjectRef,
        type: 'ErasureRequested',
        value,
        headers: { systems: `,${[...new Set(value.passes.map(({ systemId }) => systemId))].join(',')},` },
      })),
    )
  }

  /** What an operator sees of refused acknowledgements: `lethe dlq list`. */
  async refused(): Promise<readonly string[]> {
    const letters = await listDeadLetters(kafkaOf(this.chain), { group: 'aggregator' })
    return letters.map(({ code }) => code)
  }

  /** Every answer to a question for clearance about these requests, oldest first. */
  audit(requestIds: readonly string[]): Promise<Audited[]> {
    return withClient(this.chain.letheUrl, async (db) => {
      const { rows } = await db.query<Audited>(
        `SELECT credential_id, system_id, purpose, request_id, pass_id, decision, code, grant_id
         FROM audit.clearances WHERE request_id = ANY ($1) ORDER BY id`,
        [requestIds],
      )
      return rows
    })
  }
}

export interface Audited {
  readonly credential_id: string
  readonly system_id: string
  readonly purpose: string
  readonly request_id: string
  readonly pass_id: string
  readonly decision: string
  readonly code: string | null
  readonly grant_id: string | null
}

const kafkaOf = ({ context: { at }, topicPrefix }: Chain) => ({
  brokers: at.brokers,
  clientId: 'lethe-test',
  topicPrefix,
})

type Unsealed = Omit<wire.ErasureAcknowledged, 'mac'>

export function acknowledgement(cleared: Cleared): Unsealed {
  const now = Date.now()
  return {
    ackId: randomUUID(),
    requestId: cleared.requestId,
    tenantId: cleared.tenantId,
    subjectRef: cleared.subjectRef,
    systemId: 'cache',
    stepId: 'cache#1',
    passId: 'cache#1/initial',
    attempt: 1,
    startedAt: now,
    finishedAt: now,
    outcome: 'erased',
    counts: { 'tenant:{tenant}:user:{user_id}:*': countsOf(5) },
    position: null,
    errorCode: null,
    errorClass: null,
    nextRetryAt: null,
    vendorRef: null,
    vendorExpectedAt: null,
    retained: [],
    expiring: null,
    connectorVersion: '0.1.0',
    grantId: cleared.grantId,
  }
}

export const countsOf = (n: number) => ({ found: n, erased: n, redacted: 0, retained: 0, failed: 0 })

export const sealed = (message: Unsealed, macKey: string): wire.ErasureAcknowledged => ({
  ...message,
  mac: macOf(message, macKey),
})

/** Acknowledgements of one pass that are not what its eraser said, by what is wrong with them. */
export function forgeries(mine: Cleared, again: Cleared, theirs: Cleared, abroad: Cleared) {
  const honest = acknowledgement(mine)
  const noKey = randomBytes(32).toString('base64url')
  const record = { systemId: 'shop-pg', stepId: 'shop-pg#1', passId: 'shop-pg#1/initial' }
  return {
    'without a grant': sealed({ ...honest, ackId: randomUUID(), grantId: randomUUID() }, noKey),
    'of a grant whose key is not known': sealed({ ...honest, ackId: randomUUID() }, noKey),
    'with altered counts': { ...sealed(honest, mine.macKey), counts: { elsewhere: countsOf(9) } },
    'with an altered outcome': { ...sealed(honest, mine.macKey), outcome: 'not_found' as const },
    'with an altered id': { ...sealed(honest, mine.macKey), ackId: randomUUID() },
    'under another system’s grant': sealed({ ...honest, ...record, ackId: randomUUID() }, mine.macKey),
    'of another attempt': sealed({ ...honest, attempt: 2, ackId: randomUUID() }, mine.macKey),
    'under another grant’s key': sealed(
      { ...honest, grantId: again.grantId, ackId: randomUUID() },
      mine.macKey,
    ),
    'under another request’s key': sealed({ ...honest, ackId: randomUUID() }, theirs.macKey),
    'under another tenant’s key': sealed({ ...honest, ackId: randomUUID() }, abroad.macKey),
    'with another tenant’s id': { ...sealed(honest, mine.macKey), tenantId: abroad.tenantId },
  }
}
