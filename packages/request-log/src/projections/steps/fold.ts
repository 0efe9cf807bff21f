import { type StepView, steps as stepViews } from '@lethe/domain'
import type { Projection } from '../projection.js'

/** One step of one request's plan. */
export interface StepRow {
  readonly requestId: string
  readonly stepId: string
  readonly systemId: string
  readonly tenantId: string
  /** Of the request, epoch milliseconds: lists of one system are in its order. */
  readonly receivedAt: number
  readonly stage: number
  readonly status: StepView['status']
  /** The whole view: passes, attempts, outcome and counts. */
  readonly detail: StepView
}

export const steps: Projection<StepRow> = {
  table: 'steps',
  key: ['requestId', 'stepId'],
  columns: {
    requestId: 'text',
    stepId: 'text',
    systemId: 'text',
    tenantId: 'text',
    receivedAt: 'bigint',
    stage: 'integer',
    status: 'text',
    detail: 'jsonb',
  },
  rows: (state) =>
    stepViews(state).map((view) => ({
      requestId: state.requestId,
      stepId: view.stepId,
      systemId: view.systemId,
      tenantId: state.tenantId,
      receivedAt: state.received.receivedAt,
      stage: view.stage,
      status: view.status,
      detail: view,
    })),
}
