import { parser } from '@prometheus-io/lezer-promql'

/** One series an expression asks for, and the labels it matches. */
export interface Selected {
  readonly metric: string
  readonly labels: readonly string[]
}

export interface Query {
  /** Places the grammar of Prometheus does not accept. */
  readonly errors: number
  readonly selected: readonly Selected[]
  /** Labels of `by`, `without`, `on` and `ignoring`. */
  readonly grouped: readonly string[]
}

/** Reads an expression with Prometheus's own grammar. */
export function readQuery(text: string): Query {
  const selected: { metric: string; labels: string[] }[] = []
  const grouped: string[] = []
  let errors = 0
  parser.parse(text).iterate({
    enter({ name, type, node, from, to }) {
      if (type.isError) errors += 1
      // Without a name it could ask for anything.
      if (name === 'VectorSelector') selected.push({ metric: '', labels: [] })
      const last = selected.at(-1)
      const word = text.slice(from, to)
      if (name === 'Identifier' && node.parent?.name === 'VectorSelector' && last) last.metric = word
      if (name !== 'LabelName') return
      if (node.parent?.name === 'GroupingLabels') grouped.push(word)
      else last?.labels.push(word)
    },
  })
  return { errors, selected, grouped }
}
