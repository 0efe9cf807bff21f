import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { endpoints } from '@lethe/infra'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { type Alert, checkRules, type Ground, type RuleFile, ruleFile } from './check-alerts.js'
import { checkDashboard, type Dashboard } from './check-dashboard.js'
import { knownMetrics, metricsIn } from './known-metrics.js'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const read = (path: string): string | null => {
  const full = join(root, path)
  return existsSync(full) ? readFileSync(full, 'utf8') : null
}
const metrics = knownMetrics(root)
const ground: Ground = { metrics, read }
const rules = ruleFile(read('infra/alerts/lethe.rules.yml') ?? '')
const dashboard = JSON.parse(read('infra/dashboards/lethe.json') ?? '') as Dashboard
const all = rules.groups.flatMap((group) => group.rules)

/** The rules with the first one changed. */
function planted(change: Partial<Alert>): RuleFile {
  const [first, ...others] = all
  return { groups: [{ name: 'planted', rules: [{ ...first, ...change }, ...others] }] }
}

/** What `promtool test rules infra/alerts/lethe.rules.test.yml` tries on series that somebody made up. */
const tried = [
  'LetheLagEndangersDeadline',
  'LetheDeadLettersGrow',
  'LetheEraserSilent',
  'LetheSlotGrows',
  'LetheGateShut',
  'LetheTombstoneHeadDiffers',
  'LetheDrillOverdue',
  'LetheRequestsDueSoon',
  'LetheTasksOverdue',
  'LetheCanaryNotErased',
]
interface RuleTests {
  readonly tests: readonly {
    readonly alert_rule_test: readonly {
      readonly alertname: string
      readonly exp_alerts: readonly unknown[]
    }[]
  }[]
}

describe('the alerts', () => {
  it('rest on metrics and labels the services register, have a severity, a time and a runbook of 25 lines', () => {
    expect(checkRules(rules, ground)).toEqual([])
    expect(all.length).toBeGreaterThan(30)
  })

  it('cover what a person on call must hear of', () => {
    const names = all.map(({ alert }) => alert)
    expect(names).toEqual(
      expect.arrayContaining([
        ...tried,
        'LetheDrillFailed',
        'LetheBackupsKeptLonger',
        'LetheOwnDatabaseRestored',
        'LetheOutboxExhausted',
        'LetheResidueAfterCompletion',
      ]),
    )
  })

  it.each(tried.map((name) => [name]))('%s is seen to fire and to be silent, by promtool', (name) => {
    const { tests } = parse(read('infra/alerts/lethe.rules.test.yml') ?? '') as RuleTests
    const own = tests.flatMap((one) => one.alert_rule_test).filter(({ alertname }) => alertname === name)
    expect(own.some(({ exp_alerts: expected }) => expected.length > 0)).toBe(true)
    expect(own.some(({ exp_alerts: expected }) => expected.length === 0)).toBe(true)
  })

  it('have no runbook that no alert leads to', () => {
    const written = readdirSync(join(root, 'docs/runbooks')).flatMap((file) =>
      [...(read(`docs/runbooks/${file}`) ?? '').matchAll(/^## (\w+)$/gm)].map(([, name]) => name),
    )
    expect(written.toSorted()).toEqual(all.map(({ alert }) => alert).toSorted())
  })

  it('link in their runbooks only to sections and files that are there', () => {
    const broken = readdirSync(join(root, 'docs/runbooks')).flatMap((file) => brokenLinks(file))
    expect(broken).toEqual([])
  })

  it.each<[string, Partial<Alert>, string]>([
    ['asks for an unknown metric', { expr: 'lethe_ops_requests_overdu > 0' }, 'unknown metric'],
    ['names no metric', { expr: '{group="eraser.shop"} > 0' }, 'unknown metric'],
    ['asks for an unknown label', { expr: 'lethe_ops_dead_letters{system="a"} > 0' }, 'has no label system'],
    [
      'groups by an unknown label',
      { expr: 'sum by (topic) (lethe_ops_dead_letters) > 0' },
      'groups by topic',
    ],
    ['is no PromQL', { expr: 'sum(lethe_ops_dead_letters > 0' }, 'no PromQL'],
    ['calls an unknown function', { expr: 'dleta(lethe_ops_dead_letters[5m]) > 0' }, 'no PromQL'],
    ['has no severity', { labels: {} }, 'no severity'],
    ['has no time', { for: '' }, 'no time'],
    ['has no summary', { annotations: { runbook_url: 'docs/runbooks/lag.md' } }, 'no summary'],
    ['has no runbook', { annotations: { summary: 'a', description: 'b' } }, 'no runbook'],
    ['has a runbook without its section', { alert: 'LetheUnheardOf' }, 'has no section LetheUnheardOf'],
    ['has the name of another', { alert: 'LetheGateShut' }, 'two of this name'],
  ])('are refused when one %s', (_, change, said) => {
    expect(checkRules(planted(change), ground).join('\n')).toContain(said)
  })

  it('are refused with a runbook that is gone, too long, or silent on whom it endangers', () => {
    const gone = checkRules(rules, { ...ground, read: () => null })
    expect(gone.length).toBe(all.length)
    const longer = checkRules(rules, { ...ground, read: (path) => lengthened(read(path) ?? '') })
    expect(longer.join('\n')).toMatch(/its runbook has \d+ lines/)
    const silent = checkRules(rules, {
      ...ground,
      read: (path) => (read(path) ?? '').replace(/\*\*Endangers/g, ''),
    })
    expect(silent.join('\n')).toContain('does not say **Endangers**')
  })
})

const lengthened = (text: string): string =>
  text.replace(/\*\*Over when\*\*/g, `${'\n'.repeat(30)}**Over when**`)

function brokenLinks(file: string): string[] {
  const text = read(`docs/runbooks/${file}`) ?? ''
  return [...text.matchAll(/\]\(([a-z-]+\.md)?#([a-z]+)\)/g)].flatMap(([link, other, anchor]) => {
    const target = read(`docs/runbooks/${other ?? file}`) ?? ''
    const there = [...target.matchAll(/^## (\w+)$/gm)].some(([, name = '']) => name.toLowerCase() === anchor)
    return there ? [] : [`${file}: ${link}`]
  })
}

describe('the dashboard', () => {
  it('asks only for metrics the services register, in panels that stand beside each other', () => {
    expect(checkDashboard(dashboard, metrics)).toEqual([])
    const rows = dashboard.panels.filter(({ type }) => type === 'row').map(({ title }) => title)
    expect(rows).toEqual(['Requests', 'Lag', 'Erasers', 'Restore', 'Services'])
  })

  it('is refused with an unknown metric, and with two panels in one place', () => {
    const [row, first, second, ...others] = dashboard.panels
    if (!row || !first || !second) throw new Error('the dashboard is empty')
    const unknown = { ...first, targets: [{ expr: 'rate(lethe_nothing_total[$__rate_interval])' }] }
    expect(checkDashboard({ ...dashboard, panels: [row, unknown, second, ...others] }, metrics)).toEqual([
      `${first.title}: unknown metric lethe_nothing_total`,
    ])
    const moved = { ...second, gridPos: first.gridPos }
    const told = checkDashboard({ ...dashboard, panels: [row, first, moved, ...others] }, metrics)
    expect(told.join('\n')).toContain('covers another panel')
  })
})

describe('the metrics that are known', () => {
  it('are read with their labels from every way they are registered', () => {
    expect([...(metrics.get('lethe_messaging_dead_lettered_total') ?? [])]).toEqual(
      expect.arrayContaining(['group', 'topic', 'code']),
    )
    expect(metrics.get('lethe_messaging_paused')?.has('partition')).toBe(true)
    for (const name of [
      'lethe_messaging_rate_per_second',
      'lethe_messaging_lag',
      'lethe_self_known',
      'lethe_spans_total',
    ])
      expect(metrics.has(name), name).toBe(true)
    expect(metrics.get('lethe_eraser_batch_seconds_bucket')?.has('le')).toBe(true)
    expect(metrics.has('lethe_eraser_batch_seconds')).toBe(false)
  })

  it('do not have what only a comment or another text mentions', () => {
    expect([...metricsIn("// gauge of lethe_x\nconst name = 'lethe_y'\n").keys()]).toEqual([])
  })
})

describe('the scrape example', () => {
  it('asks every process of the local stack where it listens, and loads these rules', () => {
    const file = parse(read('infra/prometheus.yml') ?? '') as {
      rule_files: string[]
      scrape_configs: { job_name: string; static_configs: { targets: string[] }[] }[]
    }
    const { ports, erasers } = endpoints(0)
    const own = [ports.request, ports.aggregator, ports.restore, ports.ops]
    const deployed = Object.values(erasers).flatMap(({ erase, probe }) => [erase, probe])
    const [job] = file.scrape_configs
    expect(job?.job_name).toBe('lethe')
    expect(job?.static_configs.flatMap(({ targets }) => targets).toSorted()).toEqual(
      [...own, ...deployed].map((port) => `127.0.0.1:${port}`).toSorted(),
    )
    for (const path of file.rule_files) expect(existsSync(join(root, 'infra', path)), path).toBe(true)
  })
})
