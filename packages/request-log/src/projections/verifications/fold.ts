import { type SystemView, systems } from '@lethe/domain'
import type { Projection } from '../projection.js'

/** What is known of one request in one system: what its erasers said and what its probe found. */
export interface VerificationRow {
  readonly requestId: string
  readonly systemId: string
  readonly tenantId: string
  readonly status: SystemView['status']
  /** The newest probe's finding; null before the first one. */
  readonly result: string | null
  /** Epoch milliseconds. */
  readonly checkedAt: number | null
  readonly detail: SystemView
}

export const verifications: Projection<VerificationRow> = {
  table: 'verifications',
  key: ['requestId', 'systemId'],
  columns: {
    requestId: 'text',
    systemId: 'text',
    tenantId: 'text',
    status: 'text',
    result: 'text',
    checkedAt: 'bigint',
    detail: 'jsonb',
  },
  rows: (state) =>
    systems(state).map((view) => ({
      requestId: state.requestId,
      systemId: view.systemId,
      tenantId: state.tenantId,
      status: view.status,
      result: view.probe?.result ?? null,
      checkedAt: view.probe?.checkedAt ?? null,
      detail: view,
    })),
}
