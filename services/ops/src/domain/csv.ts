/** What may stand in a cell; null is an empty one. */
export type Cell = string | number | boolean | null

/** What a spreadsheet takes for the beginning of a formula, also after it has dropped white space. */
const FORMULA = /^\s*[=+\-@|%]|^[\t\r\n]/

/** One line of RFC 4180. A text that a spreadsheet would calculate gets an apostrophe in front and stays a text. */
export const csvLine = (cells: readonly Cell[]): string => `${cells.map(csvCell).join(',')}\r\n`

function csvCell(cell: Cell): string {
  if (cell === null) return ''
  if (typeof cell !== 'string') return String(cell)
  const text = FORMULA.test(cell) ? `'${cell}` : cell
  return /[",\r\n']/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
