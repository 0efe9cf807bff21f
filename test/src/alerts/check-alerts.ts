import { parse } from 'yaml'
import type { KnownMetrics } from './known-metrics.js'
import { readQuery } from './promql.js'

export interface Alert {
  readonly alert?: string
  readonly expr?: string
  readonly for?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
}

export interface RuleFile {
  readonly groups: readonly { readonly name: string; readonly rules: readonly Alert[] }[]
}

/** What rules and dashboards may rest on. */
export interface Ground {
  readonly metrics: KnownMetrics
  /** The text of a file of the repository; null when there is none. */
  readonly read: (path: string) => string | null
}

const SEVERITIES = ['critical', 'warning', 'info']
const MOST_LINES = 25
const PARTS = ['**Means**', '**Endangers**', '**Look**', '**Do**', '**Over when**']

/** @throws when the text is no YAML */
export function ruleFile(text: string): RuleFile {
  return parse(text, { strict: true, uniqueKeys: true }) as RuleFile
}

/** Everything that is wrong, each with the name of its alert; empty when nothing is. */
export function checkRules(file: RuleFile, ground: Ground): string[] {
  const alerts = file.groups.flatMap(({ rules }) => rules)
  const names = alerts.map(({ alert }) => alert ?? '')
  const twice = names.filter((name, index) => names.indexOf(name) !== index)
  return [
    ...twice.map((name) => `${name}: there are two of this name`),
    ...alerts.flatMap((one) => checkAlert(one, ground).map((what) => `${one.alert ?? '?'}: ${what}`)),
  ]
}

function checkAlert(one: Alert, ground: Ground): string[] {
  const { alert = '', expr = '', labels = {}, annotations = {} } = one
  const wrong = checkQuery(expr, ground.metrics)
  if (!/^Lethe[A-Z][A-Za-z]+$/.test(alert)) wrong.push('its name is not LetheSomething')
  if (!SEVERITIES.includes(labels['severity'] ?? '')) wrong.push('no severity')
  if (!/^\d+[smhd]$/.test(one.for ?? '')) wrong.push('no time it must last (for)')
  for (const text of ['summary', 'description']) if (!annotations[text]) wrong.push(`no ${text}`)
  const shown = Object.values(annotations).flatMap((text) => [...text.matchAll(/\$labels\.([a-z_]+)/g)])
  for (const [, label = ''] of shown)
    if (!labelsAt(expr, ground.metrics).has(label)) wrong.push(`shows a label it has not: ${label}`)
  return [...wrong, ...checkRunbook(alert, annotations['runbook_url'], ground.read)]
}

/** Unknown metrics and labels, and what is no PromQL. */
export function checkQuery(expr: string, metrics: KnownMetrics): string[] {
  const { errors, selected, grouped } = readQuery(expr)
  const wrong: string[] =
    errors > 0 || selected.length === 0 ? ['the expression is no PromQL on a metric'] : []
  for (const { metric, labels } of selected) {
    const known = metrics.get(metric)
    if (known === undefined) wrong.push(`unknown metric ${metric || '(none)'}`)
    for (const label of labels) if (known && !known.has(label)) wrong.push(`${metric} has no label ${label}`)
  }
  const any = labelsAt(expr, metrics)
  for (const label of grouped)
    if (!any.has(label)) wrong.push(`groups by ${label}, which no metric of it has`)
  return wrong
}

/** Every label one of the metrics has. */
function labelsAt(expr: string, metrics: KnownMetrics): Set<string> {
  const own = readQuery(expr).selected.flatMap(({ metric }) => [...(metrics.get(metric) ?? [])])
  return new Set(['instance', 'job', 'service', ...own])
}

function checkRunbook(alert: string, url: string | undefined, read: Ground['read']): string[] {
  const [path = '', anchor] = (url ?? '').split('#')
  if (!path.startsWith('docs/runbooks/')) return ['no runbook']
  const text = read(path)
  if (text === null) return [`its runbook ${path} is not there`]
  const section = text.split(/^(?=## )/m).find((part) => part.startsWith(`## ${alert}\n`))
  if (section === undefined || anchor !== alert.toLowerCase()) return [`${path} has no section ${alert}`]
  const wrong = PARTS.filter((part) => !section.includes(part)).map(
    (part) => `its runbook does not say ${part}`,
  )
  const lines = section.trimEnd().split('\n').length
  return lines > MOST_LINES ? [...wrong, `its runbook has ${lines} lines`] : wrong
}
