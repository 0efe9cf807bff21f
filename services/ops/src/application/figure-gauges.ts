import { gauge } from '@lethe/service-host'

// What alerts and dashboards are made of. Every gauge has a label, so that what is not known is absent and not zero.

export const lagOf = gauge(
  'lethe_ops_group_lag',
  'Records a group has not confirmed; absent where not known.',
  ['group'],
)
export const lagSecondsOf = gauge(
  'lethe_ops_group_lag_seconds',
  'How long the oldest unconfirmed record of a group has been waiting; absent where not known.',
  ['group'],
)
export const unknownOf = gauge('lethe_ops_group_lag_unknown', '1 where the lag of a group is not known.', [
  'group',
])
export const silentOf = gauge(
  'lethe_ops_group_silent',
  '1 for a group without members; absent where not known.',
  ['group'],
)
export const slotLag = gauge(
  'lethe_ops_slot_lag_bytes',
  'Bytes of log that a replication slot has not confirmed.',
  ['slot'],
)
export const slotRetained = gauge(
  'lethe_ops_slot_retained_bytes',
  'Bytes of log the server keeps for a replication slot.',
  ['slot'],
)
export const slotActive = gauge('lethe_ops_slot_active', '1 while somebody reads a replication slot.', [
  'slot',
])
export const slotStatus = gauge(
  'lethe_ops_slot_wal_status',
  "1 for PostgreSQL's word on the log of a slot: reserved, extended, unreserved or lost.",
  ['slot', 'status'],
)
export const atRisk = gauge('lethe_ops_requests_at_risk', 'Requests whose deadline the lag endangers.', [
  'verdict',
])
export const deadLettersOf = gauge(
  'lethe_ops_dead_letters',
  'Dead letters of a group that were not redriven; absent where not known.',
  ['group'],
)
export const requestsIn = gauge('lethe_ops_requests', 'Requests by status.', ['status'])
export const requestsDue = gauge(
  'lethe_ops_requests_due',
  'Open requests by deadline: overdue, or due within 5 or 7 days (those of 5 are among those of 7).',
  ['when'],
)
export const unverified = gauge(
  'lethe_ops_requests_unverified',
  'Requests of which a probe found something left (residual), could not tell (inconclusive), or found something ' +
    'left although they are completed (residual_after_completion, among the residual ones).',
  ['finding'],
)
export const oldestPass = gauge(
  'lethe_ops_oldest_pass_seconds',
  'How long the oldest pass has waited for its acknowledgement; 0 when none waits.',
  ['service'],
)
export const tasksOf = gauge(
  'lethe_ops_tasks',
  'Requests with a task for a person: open ones, and those among them in which it was to be done by now (overdue).',
  ['state'],
)
export const gateOpen = gauge(
  'lethe_ops_gate_open',
  '1 while the gate of a watched system is open, 0 while it is shut; absent while nobody knows.',
  ['system'],
)
export const canaryFailed = gauge(
  'lethe_ops_canary_failed',
  '1 where the made-up person of the last restore drill that says so was not erased; absent where none says so.',
  ['system'],
)
export const figuresAt = gauge(
  'lethe_ops_figures_seconds',
  'When all of these figures were last known at once, seconds since the epoch.',
  ['service'],
)
