import { counter, histogram } from '@lethe/service-host'

/** Passes by how they ended: an outcome, `republished`, or why they got no clearance. */
export const passesTotal = counter('lethe_eraser_passes_total', 'Passes by how they ended.', [
  'system',
  'outcome',
])

export const batchPasses = histogram(
  'lethe_eraser_batch_passes',
  'Passes erased in one call of the connector.',
  ['system'],
  [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000],
)

export const batchSeconds = histogram(
  'lethe_eraser_batch_seconds',
  'Seconds from clearance to published acknowledgements.',
  ['system'],
  [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
)

export const probesTotal = counter('lethe_probe_reports_total', 'Probe reports by result.', [
  'system',
  'result',
])
