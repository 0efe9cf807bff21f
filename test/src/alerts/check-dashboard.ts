import { checkQuery } from './check-alerts.js'
import type { KnownMetrics } from './known-metrics.js'

interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly targets?: readonly { readonly expr: string }[]
}

export interface Dashboard {
  readonly uid: string
  readonly title: string
  readonly panels: readonly Panel[]
}

/** Grafana's own variables stand where a duration does. */
const withoutVariables = (expr: string): string => expr.replaceAll('$__rate_interval', '5m')

/** Everything that is wrong, each with the title of its panel. */
export function checkDashboard({ panels }: Dashboard, metrics: KnownMetrics): string[] {
  const ids = panels.map(({ id }) => id)
  const twice = panels.filter(({ id }, index) => ids.indexOf(id) !== index)
  return [
    ...twice.map(({ title }) => `${title}: another panel has its id`),
    ...panels.flatMap((one) => checkPanel(one, panels, metrics).map((what) => `${one.title}: ${what}`)),
  ]
}

function checkPanel(one: Panel, all: readonly Panel[], metrics: KnownMetrics): string[] {
  const { x, w } = one.gridPos
  const wrong = (one.targets ?? []).flatMap(({ expr }) => checkQuery(withoutVariables(expr), metrics))
  if (one.type !== 'row' && (one.targets ?? []).length === 0) wrong.push('asks for nothing')
  if (x + w > 24) wrong.push('is wider than the page')
  if (all.some((other) => other !== one && overlap(one.gridPos, other.gridPos)))
    wrong.push('covers another panel')
  return wrong
}

const overlap = (a: Panel['gridPos'], b: Panel['gridPos']): boolean =>
  a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h
