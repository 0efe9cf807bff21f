import { type GraphStep, graphOf, NODE, shortened } from '../view/graph.js'
import { counted } from '../view/words.js'

/** The steps of an erasure as a picture; the tables below say the same in words. */
export function MapGraph({
  steps,
  kinds,
}: {
  steps: readonly GraphStep[]
  kinds: ReadonlyMap<string, string>
}) {
  const { width, height, nodes, edges, columns } = graphOf(steps)
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: who has no mouse must be able to scroll it.
    <section className="scroll graph" aria-label="Order of an erasure" tabIndex={0}>
      <svg
        role="img"
        aria-label={`${counted(steps.length, 'step')} in ${counted(columns.length, 'stage')}: ${nodes.map(({ stepId }) => stepId).join(', then ')}`}
        viewBox={`-10 -4 ${width + 20} ${height + 14}`}
        width={width + 20}
        height={height + 18}
      >
        {columns.map(({ stage, x }) => (
          <text key={stage} className="stage" x={x + NODE.width / 2} y={14} textAnchor="middle">
            stage {stage}
          </text>
        ))}
        {edges.map(({ from, to, path }) => (
          <path key={`${from} ${to}`} className="edge" d={path} />
        ))}
        {nodes.map(({ stepId, systemId, x, y }) => (
          <g key={stepId} data-node={stepId}>
            <title>{stepId}</title>
            <rect x={x} y={y} width={NODE.width} height={NODE.height} rx={6} />
            <text className="name" x={x + 10} y={y + 19}>
              {shortened(stepId)}
            </text>
            <text className="kind" x={x + 10} y={y + 36}>
              {shortened(kinds.get(systemId) ?? 'unknown')}
            </text>
          </g>
        ))}
      </svg>
    </section>
  )
}
