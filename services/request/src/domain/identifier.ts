import type { IdentifierType } from '@lethe/data-map'

export type { IdentifierType }

/** `value` is normalised per type. Never logged, never serialised into an error. */
export interface Identifier {
  readonly type: IdentifierType
  readonly value: string
}

/** One person as one system needs to know them. */
export interface Subject {
  readonly subjectRef: string
  readonly tenantId: string
  readonly identifiers: readonly Identifier[]
  /** Epoch milliseconds. */
  readonly receivedAt: number
}
