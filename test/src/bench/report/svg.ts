import type { Row } from './measure.js'
import { figure } from './table.js'

const WIDTH = 760
const LABEL = 300
const BAR = WIDTH - LABEL - 110
const LINE = 26

/** One measure as bars: the median, with a whisker from the lowest to the highest repetition. */
export function plot(measure: string, rows: readonly Row[], note: string): string {
  const units = [...new Set(rows.map(({ unit }) => unit))]
  const parts: string[] = []
  let y = 44
  for (const unit of units) {
    const own = rows.filter((row) => row.unit === unit)
    const most = Math.max(...own.map(({ highest }) => highest)) || 1
    parts.push(text(10, y, unit, 'font-size="11" fill="#666"'))
    y += 14
    for (const row of own) {
      parts.push(bar(row, y, most))
      y += LINE
    }
    y += 10
  }
  const height = y + 14
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif">`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    text(10, 22, measure, 'font-size="15" font-weight="bold"'),
    ...parts,
    text(10, height - 6, note, 'font-size="10" fill="#666"'),
    '</svg>',
    '',
  ].join('\n')
}

function bar(row: Row, y: number, most: number): string {
  const at = (value: number) => LABEL + Math.max(0, (value / most) * BAR)
  const fill = row.subject.startsWith('Lethe') ? '#2563eb' : '#94a3b8'
  const middle = y + 8
  return [
    text(10, y + 12, row.subject, 'font-size="12"'),
    `<rect x="${LABEL}" y="${y}" width="${Math.max(1, at(row.median) - LABEL).toFixed(1)}" height="16" fill="${fill}"/>`,
    `<path d="M${at(row.lowest).toFixed(1)} ${middle}H${at(row.highest).toFixed(1)}M${at(row.lowest).toFixed(1)} ${y + 4}v8M${at(row.highest).toFixed(1)} ${y + 4}v8" stroke="#111" fill="none"/>`,
    text(at(row.highest) + 8, y + 12, figure(row.median), 'font-size="12"'),
  ].join('\n')
}

const text = (x: number, y: number, value: string, attributes: string): string =>
  `<text x="${x.toFixed(1)}" y="${y}" ${attributes}>${escaped(value)}</text>`

const escaped = (value: string): string =>
  value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
