import type { Projection } from '../projection.js'

/** "This subject stays absent from this system until expiresAt." Times are epoch milliseconds. */
export interface TombstoneRow {
  readonly tombstoneId: string
  readonly requestId: string
  readonly systemId: string
  readonly tenantId: string
  readonly subjectRef: string
  readonly sequence: number
  readonly epoch: string
  readonly mapVersion: number
  readonly effectiveAt: number
  readonly expiresAt: number
  readonly recurEvery: string | null
  readonly heldUntil: number | null
}

export const tombstones: Projection<TombstoneRow> = {
  table: 'tombstones',
  key: ['tombstoneId'],
  columns: {
    tombstoneId: 'text',
    requestId: 'text',
    systemId: 'text',
    tenantId: 'text',
    subjectRef: 'text',
    sequence: 'bigint',
    epoch: 'text',
    mapVersion: 'integer',
    effectiveAt: 'bigint',
    expiresAt: 'bigint',
    recurEvery: 'text',
    heldUntil: 'bigint',
  },
  rows: (state) =>
    Object.values(state.tombstones).map((written) => ({
      tombstoneId: written.tombstoneId,
      requestId: state.requestId,
      systemId: written.systemId,
      tenantId: state.tenantId,
      subjectRef: state.subjectRef,
      sequence: written.sequence,
      epoch: written.epoch,
      mapVersion: written.mapVersion,
      effectiveAt: written.effectiveAt,
      expiresAt: written.expiresAt,
      recurEvery: written.recurEvery,
      heldUntil: written.heldUntil,
    })),
}
