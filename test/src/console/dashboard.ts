import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import type { Dashboard } from '../alerts/check-dashboard.js'
import { findPrometheus, Prometheus } from '../alerts/prometheus.js'
import type { ProcessName } from '../harness/chain.js'
import { until } from '../harness/wait.js'
import type { Stage } from './stage.js'

const processes: readonly ProcessName[] = [
  'request',
  'aggregator',
  'restore',
  'ops',
  'eraser-cache',
  'eraser-shop-pg',
  'probe-cache',
  'probe-shop-pg',
]

/** Panels that are empty while all is well, or before a thing has happened for the first time, and why. */
const mayBeEmpty: Readonly<Record<string, string>> = {
  'Silent or not known': 'shows those only that are',
  'Failed handler calls': 'a class of errors is counted from its first on',
  'Lag by group, time': 'a group whose lag in time is not known is left out',
  'Backups and drills': 'a drill can be overdue only where LETHE_DRILL_MS asks for drills',
  'Tombstones applied': 'counted from the first replay on',
  'People looked for by sweeps': 'counted from the first sweep on',
  'Since the last full sweep': 'known after the first sweep',
}

const dashboard = JSON.parse(
  readFileSync(new URL('../../../infra/dashboards/lethe.json', import.meta.url), 'utf8'),
) as Dashboard
const queries = dashboard.panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr }) => ({ title, expr: expr.replaceAll('$__rate_interval', '30s') })),
)

/** What Grafana would ask, asked of a real Prometheus that reads real services. */
export function dashboardAsked(stage: () => Stage): void {
  it('gives the panels of the dashboard something to show in a real Prometheus, which takes every alert rule', async (context) => {
    const program = findPrometheus()
    if (program === null)
      return context.skip(
        'There is no Prometheus here: install the package prometheus, or name one in PROMETHEUS.',
      )
    const { chain } = stage()
    const targets = processes.map((name) => `127.0.0.1:${chain.environment(name)['LETHE_PORT']}`)
    const prometheus = await Prometheus.start(program, targets)
    try {
      await until(
        'every service read twice',
        () => prometheus.query('count(count_over_time(up{job="lethe"}[1m]) >= 2 and up == 1)'),
        ([read]) => read?.value[1] === String(processes.length),
      )
      const empty = new Set<string>()
      for (const { title, expr } of queries) if ((await prometheus.query(expr)).length === 0) empty.add(title)
      expect([...empty].filter((title) => mayBeEmpty[title] === undefined)).toEqual([])
      const rules = await until(
        'an evaluation of every rule',
        () => prometheus.rules(),
        (all) => all.length > 30 && all.every(({ health }) => health !== 'unknown'),
      )
      expect(rules.filter(({ health }) => health !== 'ok')).toEqual([])
      // A query of nothing, and one that is none, would be seen.
      expect(await prometheus.query('sum(lethe_ops_no_such_figure)')).toEqual([])
      await expect(prometheus.query('sum(lethe_ops_requests')).rejects.toThrow('unclosed')
    } finally {
      await prometheus.stop()
    }
  })
}
