import { type Aim, meets, type Row, type Sample } from './measure.js'
import { spreadOf } from './statistics.js'

/** One row per measure and subject, in the order they were first seen. */
export function rowsOf(samples: readonly Sample[]): Row[] {
  const groups = new Map<string, Sample[]>()
  for (const sample of samples) {
    const name = `${sample.measure}\n${sample.subject}\n${sample.unit}`
    groups.set(name, [...(groups.get(name) ?? []), sample])
  }
  return [...groups.values()].map((group) => {
    const { measure, subject, unit } = group[0] as Sample
    return { measure, subject, unit, ...spreadOf(group.map(({ value }) => value)) }
  })
}

export function renderTable(rows: readonly Row[], aims: readonly Aim[]): string {
  const lines: string[] = []
  for (const measure of new Set(rows.map((row) => row.measure))) {
    lines.push('', measure)
    for (const row of rows.filter((one) => one.measure === measure)) {
      const spread =
        row.repetitions > 1 ? `  (${figure(row.lowest)} to ${figure(row.highest)}, ${row.repetitions}×)` : ''
      lines.push(`  ${row.subject.padEnd(52)} ${figure(row.median).padStart(10)} ${row.unit}${spread}`)
    }
    for (const aim of aims.filter((one) => one.measure === measure)) lines.push(`  → ${renderAim(aim)}`)
  }
  return lines.join('\n')
}

export function renderAim(aim: Aim): string {
  const met = meets(aim)
  const verdict = met === null ? 'not measured' : met ? 'reached' : 'MISSED'
  return `aim ${aim.text}: ${aim.reached === null ? '-' : figure(aim.reached)} ${verdict}`
}

/** Three digits that mean something. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return '-'
  const size = Math.abs(value)
  if (size >= 100) return String(Math.round(value))
  if (size >= 10) return value.toFixed(1)
  return value.toFixed(size >= 1 ? 2 : 3)
}
