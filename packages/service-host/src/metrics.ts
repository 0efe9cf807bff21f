import {
  Counter,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  type Registry,
  register,
} from '@prometheus-io/client'

/** One registry per process: whatever any package registers is on `/metrics`. Labels never hold identifiers. */
export const metricsRegistry: Registry = register

let named = false

/**
 * Process metrics (memory, event loop, handles), and a `service` label on everything that has none of its own.
 * The first one names the process: where several services share it, each puts its own name on what it counts.
 */
export function startProcessMetrics(service: string): void {
  if (!named) metricsRegistry.setDefaultLabels({ service })
  named = true
  if (!metricsRegistry.getSingleMetric('process_cpu_seconds_total')) collectDefaultMetrics()
}

// A metric that exists is returned, so that several instances in one process (specs, the one-process
// mode) share it instead of failing on the second registration.
function once<M>(name: string, create: () => M): M {
  return (metricsRegistry.getSingleMetric(name) as M | undefined) ?? create()
}

export function counter<L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> {
  return once(name, () => new Counter({ name, help, labelNames: [...labelNames] }))
}

export function gauge<L extends string>(name: string, help: string, labelNames: readonly L[]): Gauge<L> {
  return once(name, () => new Gauge({ name, help, labelNames: [...labelNames] }))
}

/** `buckets` are upper bounds in the unit the name ends with. */
export function histogram<L extends string>(
  name: string,
  help: string,
  labelNames: readonly L[],
  buckets: readonly number[],
): Histogram<L> {
  return once(name, () => new Histogram({ name, help, labelNames: [...labelNames], buckets: [...buckets] }))
}
