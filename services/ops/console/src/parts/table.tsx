import type { ReactNode } from 'react'

export interface Column {
  readonly title: string
  /** Numbers stand on the right. */
  readonly number?: boolean
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
            {columns.map(({ title, number }) => (
              <th key={title} scope="col" className={number ? 'number' : undefined}>
                {title}
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
