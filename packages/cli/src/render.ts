import type { CollectionCountsView, ErasureRequestView, StepView, SystemView } from '@lethe/client'
import { interactive } from './config.js'

const paint = (code: number, text: string): string =>
  interactive() ? `\u001b[${code}m${text}\u001b[0m` : text
export const green = (text: string): string => paint(32, text)
export const yellow = (text: string): string => paint(33, text)
export const red = (text: string): string => paint(31, text)
export const dim = (text: string): string => paint(2, text)

const good = new Set(['COMPLETED', 'NOT_APPLICABLE', 'clean'])
const bad = new Set(['FAILED', 'residual', 'REFUSED'])
const coloured = (word: string): string =>
  good.has(word) ? green(word) : bad.has(word) ? red(word) : yellow(word)

/** UTC to the minute; `-` for nothing. */
export function instant(ms: number | null): string {
  return ms === null ? '-' : `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}

/** `12 erased, 3 redacted` over all collections; `nothing found` when all are zero. */
export function total(counts: CollectionCountsView | null): string {
  if (!counts) return ''
  const sum = (field: 'erased' | 'redacted' | 'retained' | 'failed' | 'found') =>
    Object.values(counts).reduce((all, one) => all + one[field], 0)
  const parts = (['erased', 'redacted', 'retained', 'failed'] as const)
    .filter((field) => sum(field) > 0)
    .map((field) => `${sum(field)} ${field}`)
  if (parts.length > 0) return parts.join(', ')
  return sum('found') > 0 ? `${sum('found')} found` : 'nothing found'
}

/** Columns padded to their widest cell. Cells hold no colour codes. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length))) ?? []
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

export function stepLine(step: StepView): string {
  const error = step.errorCode ? ` · ${red(step.errorCode)}` : ''
  const counts = step.outcome ? total(step.counts) : ''
  return `  ${step.stepId.padEnd(14)} ${coloured(step.status)}${counts ? ` · ${counts}` : ''}${error}`
}

/** Where a task stands that a person does by hand. */
function taskLine({ systemId, task }: StepView): string[] {
  if (!task) return []
  const name = `  ${`${systemId} task`.padEnd(14)}`
  if (task.attestation !== null) {
    const { outcome, records, by, doneAt, underHold } = task.attestation
    const held = underHold ? ` · ${red('while a hold was in force')}` : ''
    return [
      `${name} ${yellow('attested')} · ${outcome}, ${records} records, by ${by}, ${instant(doneAt)}${held}`,
    ]
  }
  if (task.state === 'waiting') return [`${name} its turn has not come`]
  if (task.state === 'stopped') return [`${name} ${yellow('must not be done now')}`]
  const taken = task.taken === null ? 'taken by nobody' : `taken by ${task.taken.by}`
  return [`${name} ${yellow('open')} · for ${task.role} · ${taken} · due ${instant(task.dueAt)}`]
}

function probeLine({ systemId, probe }: SystemView): string[] {
  if (!probe?.result) return []
  const left = Object.entries(probe.residual).filter(([, matches]) => matches > 0)
  const where =
    left.length > 0 ? ` · ${left.map(([place, matches]) => `${matches} in ${place}`).join(', ')}` : ''
  const why = probe.reasonCode ? ` · ${probe.reasonCode}` : ''
  return [`  ${`${systemId} probe`.padEnd(14)} ${coloured(probe.result)}${where}${why}`]
}

function attentionLines({ owner, nextStep, attention, overCeiling }: ErasureRequestView): string[] {
  const where = attention?.systemId ? ` in ${attention.systemId}` : ''
  const why = attention ? ` (${attention.code}${where})` : ''
  const lines = [`  ${yellow(`waits for ${owner}: ${nextStep ?? 'have a look'}`)}${why}`]
  if (attention) lines.push(`  ${attention.advice}`)
  if (!overCeiling) return lines
  const { passId, found, ceiling, counts } = overCeiling
  lines.push(
    `  ${passId} would touch ${found}, its ceiling is ${ceiling ?? 'not known'}; nothing was changed:`,
  )
  const rows = Object.entries(counts).filter(([, one]) => one.found > 0)
  return [...lines, table(rows.map(([name, one]) => [`    ${name}`, String(one.found)]))]
}

const retainedLines = ({ systemId, retained }: SystemView): string[] =>
  retained.map(
    ({ category, ground, citation, until }) =>
      `  ${`${systemId} keeps`.padEnd(14)} ${category} · ${ground}, ${citation} · until ${until === null ? 'reviewed' : instant(until)}`,
  )

export function requestText(view: ErasureRequestView): string {
  const head = [
    `${view.requestId}  ${coloured(view.status)}`,
    `  tenant ${view.tenantId} · ${view.regime} · received ${instant(view.receivedAt)} · due ${instant(view.dueAt)}`,
  ]
  if (view.liveErasedAt !== null)
    head.push(`  live-erased ${instant(view.liveErasedAt)} · backup-clear ${instant(view.backupClearAt)}`)
  if (view.owner) head.push(...attentionLines(view))
  if (view.attested.length > 0)
    head.push(`  ${yellow(`rests on somebody's word, nobody could look: ${view.attested.join(', ')}`)}`)
  return [
    ...head,
    ...view.steps.map(stepLine),
    ...view.steps.flatMap(taskLine),
    ...view.systems.flatMap(retainedLines),
    ...view.systems.flatMap(probeLine),
  ].join('\n')
}
