/** A step of an erasure, as the data map orders them. */
export interface GraphStep {
  readonly stepId: string
  readonly systemId: string
  readonly stage: number
  readonly after: readonly string[]
}

export interface GraphNode {
  readonly stepId: string
  readonly systemId: string
  readonly x: number
  readonly y: number
}

export interface GraphEdge {
  readonly from: string
  readonly to: string
  /** An SVG path. */
  readonly path: string
}

export interface Graph {
  readonly width: number
  readonly height: number
  readonly nodes: readonly GraphNode[]
  readonly edges: readonly GraphEdge[]
  /** One per stage, in order. */
  readonly columns: readonly { readonly stage: number; readonly x: number }[]
}

export const NODE = { width: 150, height: 46 } as const
const GAP = { x: 70, y: 18 } as const
const TOP = 28

/** What a step waits for without waiting for it already through another one. */
export function directly(steps: readonly GraphStep[]): ReadonlyMap<string, readonly string[]> {
  const after = new Map(steps.map((step) => [step.stepId, step.after]))
  const before = new Map<string, ReadonlySet<string>>()
  const allBefore = (stepId: string): ReadonlySet<string> => {
    const known = before.get(stepId)
    if (known !== undefined) return known
    // Set first: a map that leads in a circle must not be followed for ever.
    before.set(stepId, new Set())
    const own = after.get(stepId) ?? []
    const all = new Set([...own, ...own.flatMap((one) => [...allBefore(one)])])
    before.set(stepId, all)
    return all
  }
  return new Map(
    steps.map(({ stepId, after: own }) => [
      stepId,
      own.filter((one) => !own.some((other) => other !== one && allBefore(other).has(one))),
    ]),
  )
}

/** Stages from left to right, the steps of one below each other. */
export function graphOf(steps: readonly GraphStep[]): Graph {
  const stages = [...new Set(steps.map(({ stage }) => stage))].sort((a, b) => a - b)
  const columns = stages.map((stage, index) => ({ stage, x: index * (NODE.width + GAP.x) }))
  const nodes = columns.flatMap(({ stage, x }) =>
    steps
      .filter((step) => step.stage === stage)
      .map(({ stepId, systemId }, row) => ({
        stepId,
        systemId,
        x,
        y: TOP + row * (NODE.height + GAP.y),
      })),
  )
  const at = new Map(nodes.map((node) => [node.stepId, node]))
  const edges = [...directly(steps)].flatMap(([to, all]) =>
    all.flatMap((from) => {
      const [start, end] = [at.get(from), at.get(to)]
      return start === undefined || end === undefined ? [] : [{ from, to, path: pathOf(start, end) }]
    }),
  )
  return {
    width: Math.max(NODE.width, columns.length * (NODE.width + GAP.x) - GAP.x),
    height: Math.max(TOP, ...nodes.map(({ y }) => y + NODE.height)),
    nodes,
    edges,
    columns,
  }
}

function pathOf(from: GraphNode, to: GraphNode): string {
  const [x1, y1] = [from.x + NODE.width, from.y + NODE.height / 2]
  const [x2, y2] = [to.x, to.y + NODE.height / 2]
  const middle = (x1 + x2) / 2
  return `M ${x1} ${y1} C ${middle} ${y1}, ${middle} ${y2}, ${x2} ${y2}`
}

/** `shop-customers-pg` cut to what fits into a node. */
export const shortened = (text: string, most = 18): string =>
  text.length <= most ? text : `${text.slice(0, most - 1)}…`
