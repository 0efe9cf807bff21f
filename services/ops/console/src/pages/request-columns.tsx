import type { ReactNode } from 'react'
import type { RequestRow } from '../../../src/adapters/http/answer-types.js'
import { Badge, Moment } from '../parts/known.js'
import { plain, statusTone } from '../view/words.js'

export interface RequestColumn {
  readonly id: string
  readonly title: string
  readonly number?: boolean
  /** The two orders it can be sorted by: as one wants it first, and the other way round. */
  readonly orders?: readonly [string, string]
  readonly cell: (one: RequestRow) => ReactNode
}

/** What the list can show of a request besides its id; those of `usual` without being asked. */
export const requestColumns: readonly RequestColumn[] = [
  {
    id: 'status',
    title: 'Status',
    cell: (one) => <Badge tone={statusTone(one.status)}>{plain(one.status)}</Badge>,
  },
  { id: 'due', title: 'Due', orders: ['due', 'due-last'], cell: (one) => <Moment at={one.dueAt} /> },
  {
    id: 'received',
    title: 'Received',
    orders: ['received', 'oldest'],
    cell: (one) => <Moment at={one.receivedAt} />,
  },
  {
    id: 'systems',
    title: 'Systems done',
    number: true,
    cell: (one) => `${one.systemsDone} of ${one.systemsTotal}`,
  },
  { id: 'tenant', title: 'Tenant', cell: (one) => one.tenantId },
  { id: 'regime', title: 'Regime', cell: (one) => one.regime },
  {
    id: 'todo',
    title: 'To do',
    cell: (one) =>
      one.attention === null ? '' : `${plain(one.attention.owner)}: ${plain(one.attention.nextStep)}`,
  },
  { id: 'ground', title: 'Ground', cell: (one) => one.ground },
  { id: 'channel', title: 'Channel', cell: (one) => one.channel },
  { id: 'erased', title: 'Live-erased', cell: (one) => <Moment at={one.liveErasedAt} /> },
  { id: 'completed', title: 'Completed', cell: (one) => <Moment at={one.completedAt} /> },
  { id: 'clear', title: 'Backup-clear', cell: (one) => <Moment at={one.backupClearAt} /> },
]
