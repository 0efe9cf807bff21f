import { counter, gauge, histogram } from '@lethe/service-host'

/** Which deployment speaks: the erasers and probes of several systems may share one process. */
export const ofEraser = (systemId: string) => ({ system: systemId, service: `erase.${systemId}` })
export const ofProbe = (systemId: string) => ({ system: systemId, service: `probe.${systemId}` })

/** Passes by how they ended: an outcome, `republished`, or why they got no clearance. */
export const passesTotal = counter('lethe_eraser_passes_total', 'Passes by how they ended.', [
  'system',
  'outcome',
  'service',
])

export const batchPasses = histogram(
  'lethe_eraser_batch_passes',
  'Passes erased in one call of the connector.',
  ['system', 'service'],
  [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000],
)

export const batchSeconds = histogram(
  'lethe_eraser_batch_seconds',
  'Seconds from clearance to published acknowledgements.',
  ['system', 'service'],
  [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
)

export const probesTotal = counter('lethe_probe_reports_total', 'Probe reports by result.', [
  'system',
  'result',
  'service',
])

export const prunedTotal = counter(
  'lethe_eraser_receipts_pruned_total',
  'Receipts removed from stores by age.',
  ['system', 'service'],
)

export const storeUsable = gauge(
  'lethe_eraser_store_usable',
  '1 while this deployment can use its store: address, credentials, map section and request.',
  ['system', 'service'],
)
