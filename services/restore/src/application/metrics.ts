import { counter, gauge } from '@lethe/service-host'

/** Who measures: other services may share the process. */
export const service = 'restore'

export const storeState = gauge(
  'lethe_restore_store_known',
  '1 while the copy Lethe knows answers, 0 when another one does, -1 when nothing is known.',
  ['system', 'service'],
)
export const markerAge = gauge(
  'lethe_restore_marker_age_seconds',
  'Time between the last two markers of a store.',
  ['system', 'service'],
)
export const gateOpen = gauge('lethe_restore_gate_open', '1 while the gate of a system is open.', [
  'system',
  'service',
])
export const replayedTotal = counter(
  'lethe_restore_tombstones_total',
  'Tombstones applied to restored stores, by outcome.',
  ['system', 'outcome', 'service'],
)
export const sweptTotal = counter(
  'lethe_restore_swept_total',
  'People looked for by sweeps of stores in use, by result.',
  ['system', 'result', 'service'],
)
export const backupsKeptLonger = gauge(
  'lethe_restore_backups_kept_longer',
  'Backups that are, or will be, kept longer than the data map says.',
  ['system', 'service'],
)
export const drillsOverdue = gauge(
  'lethe_restore_drill_overdue',
  '1 when no restore drill was passed for its period, 0 when one was; nothing where none is asked for.',
  ['system', 'service'],
)
export const drillsFailed = gauge(
  'lethe_restore_drill_failed',
  '1 when the last restore drill that came to an end was not passed, 0 when it was; nothing while there was none.',
  ['system', 'service'],
)
export const chainRecords = gauge(
  'lethe_tombstone_chain_records',
  'Records of erasure.tombstones in the chain, by partition.',
  ['partition', 'service'],
)
export const sweepEnded = gauge(
  'lethe_restore_sweep_ended_seconds',
  'When everybody was last looked for, seconds since the epoch.',
  ['system', 'service'],
)
export const chainFindings = gauge(
  'lethe_tombstone_chain_findings',
  'What is not as it was recorded in the chain of tombstones; nothing while that is not known.',
  ['service'],
)
export const chainVerified = gauge(
  'lethe_tombstone_chain_verified_seconds',
  'When the chain of tombstones was last computed again, seconds since the epoch.',
  ['service'],
)
