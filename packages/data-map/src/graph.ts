/** Node → the nodes that come before it. */
export type Edges = ReadonlyMap<string, readonly string[]>

/**
 * The first cycle in the order of names, closed (`['a', 'b', 'a']`), or null. Iterative in the sense
 * that matters: depth is bounded by the number of systems of one map.
 */
export function findCycle(edges: Edges): string[] | null {
  const done = new Set<string>()
  const trail: string[] = []
  const visit = (node: string): string[] | null => {
    if (done.has(node)) return null
    const start = trail.indexOf(node)
    if (start >= 0) return [...trail.slice(start), node]
    trail.push(node)
    for (const next of edges.get(node) ?? []) {
      const cycle = visit(next)
      if (cycle) return cycle
    }
    trail.pop()
    done.add(node)
    return null
  }
  for (const node of [...edges.keys()].sort()) {
    const cycle = visit(node)
    if (cycle) return cycle
  }
  return null
}

/** Nodes so that each comes after what precedes it; ties in the order of names. Needs an acyclic graph. */
export function sorted(edges: Edges): string[] {
  const seen = new Set<string>()
  const order: string[] = []
  const visit = (node: string): void => {
    if (seen.has(node)) return
    seen.add(node)
    for (const next of [...(edges.get(node) ?? [])].sort()) visit(next)
    order.push(node)
  }
  for (const node of [...edges.keys()].sort()) visit(node)
  return order
}

/** Everything that comes before `node`, at any distance. */
export function ancestors(edges: Edges, node: string): Set<string> {
  const found = new Set<string>()
  const open = [...(edges.get(node) ?? [])]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (found.has(next)) continue
    found.add(next)
    open.push(...(edges.get(next) ?? []))
  }
  return found
}
