import type { Incoming, Outgoing } from '@lethe/messaging'
import type { wire } from '@lethe/schemas'
import { createLogger, RetryableError, TerminalError } from '@lethe/service-host'
import { describe, expect, it } from 'vitest'
import type { Connector, ProbeFinding, Subject } from './connector.js'
import { ProbeHost } from './probe-host.js'
import type { ClearanceQuestion } from './request-client.js'
import { Systems } from './systems.js'

const context = { signal: new AbortController().signal, heartbeat: async () => {} }

const item = (requestId: string): Incoming<wire.ErasureProbeRequested> => ({
  topic: 'erasure.probe.requested',
  partition: 0,
  offset: '0',
  key: requestId,
  headers: {},
  timestamp: 0,
  type: 'ErasureProbeRequested',
  raw: Buffer.alloc(0),
  value: {
    requestId,
    tenantId: 't',
    subjectRef: `ref-${requestId}`,
    mapVersion: 1,
    probes: [{ systemId: 'mine', passId: 'mine/probe-1', probeKind: 'after_erasure' }],
    requestedAt: 0,
  },
})

function probing(probe: (subjects: readonly Subject[]) => Promise<ProbeFinding[]>, storeWorks = true) {
  const sent: Outgoing[] = []
  const connector = {
    kind: 'fake',
    version: '1',
    capabilities: { receipts: 'none', batch: { max: 10 } },
    options: { safeParse: (data: unknown) => ({ success: true, data }) },
    system: { safeParse: (data: unknown) => ({ success: true, data }) },
    open: async () => ({
      describe: async () => {
        if (!storeWorks) throw new RetryableError('store_unreachable', 'The store does not answer.')
        return { version: '1', collections: [], findings: [] }
      },
      close: async () => {},
    }),
    openProbe: async () => ({ probe, close: async () => {} }),
  } as unknown as Connector
  const request = {
    clear: async ({ passes }: ClearanceQuestion) =>
      passes.map(({ requestId, passId }) => ({
        requestId,
        passId,
        decision: 'go' as const,
        macKey: 'a2V5',
        subject: { subjectRef: `ref-${requestId}`, tenantId: 't', identifiers: [], receivedAt: 0 },
      })),
    section: async () => ({
      version: 1,
      tenant: { none: true as const },
      canonical: 'user_id' as const,
      system: { systemId: 'mine', kind: 'fake', connection: 'MINE', ceiling: null, body: {} },
    }),
  }
  const host = new ProbeHost({
    systemId: 'mine',
    connector,
    request,
    systems: new Systems(connector, 'mine', request, () => 'fake://'),
    publisher: { send: async (messages) => void sent.push(...messages) },
    logger: createLogger('spec', { level: 'silent' }),
  })
  return { host, reports: () => sent.map(({ value }) => value as wire.ProbeReported) }
}

describe('the probe host', () => {
  it('reports one bad look as inconclusive and the others as they are', async () => {
    const { host, reports } = probing(async (subjects) => {
      if (subjects.some(({ subjectRef }) => subjectRef === 'ref-b'))
        throw new TerminalError('map_mismatch', 'A column is missing.')
      return subjects.map(() => ({ result: 'clean', residual: { users: 0 } }))
    })
    await host.handle([item('a'), item('b'), item('c')], context)
    expect(reports().map(({ requestId, result, reasonCode }) => [requestId, result, reasonCode])).toEqual([
      ['a', 'clean', null],
      ['b', 'inconclusive', 'map_mismatch'],
      ['c', 'clean', null],
    ])
  })

  it('never calls a missing answer clean', async () => {
    const { host, reports } = probing(async () => [])
    await host.handle([item('a')], context)
    expect(reports()).toMatchObject([{ result: 'inconclusive' }])
  })

  it('does not give one person the result of another when an answer is short', async () => {
    const { host, reports } = probing(async (subjects) =>
      subjects
        .filter(({ subjectRef }) => subjectRef !== 'ref-a')
        .map(() => ({ result: 'clean', residual: { users: 0 } })),
    )
    await host.handle([item('a'), item('b')], context)
    expect(reports().map(({ result }) => result)).toEqual(['inconclusive', 'clean'])
  })

  it('waits for a store that is away instead of reporting on everybody', async () => {
    const { host, reports } = probing(async () => {
      throw new RetryableError('store_unreachable', 'The store does not answer.')
    }, false)
    await expect(host.handle([item('a'), item('b')], context)).rejects.toMatchObject({ errorClass: 'paused' })
    expect(reports()).toEqual([])
  })
})
