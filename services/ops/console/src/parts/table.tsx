import type { ReactNode } from 'react'
import { Link } from '../router.js'

export interface Column {
  readonly title: string
  /** Numbers stand on the right. */
  readonly number?: boolean
  /** How the rows are sorted by it now. */
  readonly sorted?: 'ascending' | 'descending' | 'none'
  /** The same list sorted by it, or the other way round. */
  readonly to?: string
}

/** A table that scrolls sideways on a narrow screen, by keyboard as well. */
export function Table({
  caption,
  columns,
  children,
  empty,
  rows,
}: {
  caption: string
  columns: readonly Column[]
  children: ReactNode
  /** Said in the place of no rows. */
  empty: string
  rows: number
}) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: who has no mouse must be able to scroll it.
    <section className="scroll" aria-label={caption} tabIndex={0}>
      <table>
        <caption>{caption}</caption>
        <thead>
          <tr>
            {columns.map(({ title, number, sorted, to }) => (
              <th key={title} scope="col" className={number ? 'number' : undefined} aria-sort={sorted}>
                {to === undefined ? title : <Link to={to}>{title}</Link>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows > 0 ? (
            children
          ) : (
            <tr>
              <td colSpan={columns.length} className="faint">
                {empty}
              </td>
            </tr>
          )}
        </tbody>
      </table>
    </section>
  )
}
