import type { Pool } from 'pg'
import { type Beat, beats } from '../adapters/pg-beats.js'
import { trialsOf } from '../adapters/pg-canaries.js'
import { canaryOf, type Trial } from '../domain/canary.js'
import { type Deployment, deploymentOf, type Sources } from '../domain/deployment.js'
import type { GroupView, LagView } from './lag.js'

/** One deployment of one system's eraser. */
export interface EraserView extends Omit<GroupView, 'unknown'>, Deployment {
  readonly systemId: string
  readonly role: 'erase' | 'probe'
  readonly links: { readonly requests: string }
}

/** Erasers and probes among the groups. */
const isEraser = ({ group }: GroupView): boolean => /^(eraser|probe)\./.test(group)

/** Every eraser and probe of the data map, from what Kafka, they themselves and the restore drills say. */
export async function eraserViews(
  pool: Pool,
  { groups }: LagView,
  systemIds: readonly string[],
): Promise<EraserView[]> {
  const [told, trials] = await Promise.all([
    // Kafka's own word is shown all the same.
    beats(pool).catch(() => null),
    trialsOf(pool, systemIds).catch(() => null),
  ])
  return groups.filter(isEraser).map((view) => eraserView(view, told, trials))
}

function eraserView(
  view: GroupView,
  told: readonly Beat[] | null,
  trials: ReadonlyMap<string, readonly Trial[]> | null,
): EraserView {
  const [kind, ...rest] = view.group.split('.')
  const systemId = rest.join('.')
  const role = kind === 'probe' ? 'probe' : 'erase'
  const own = told?.filter((one) => one.systemId === systemId && one.role === role) ?? null
  const canary = role === 'probe' ? 'none_of_probes' : canaryIn(trials, systemId)
  const deployment = deploymentOf({ own, health: view.health, canary }, Date.now())
  return {
    ...view,
    ...deployment,
    unknown: { ...view.unknown, ...deployment.unknown },
    systemId,
    role,
    links: { requests: `/v1/requests?systemId=${systemId}&order=due` },
  }
}

function canaryIn(trials: ReadonlyMap<string, readonly Trial[]> | null, systemId: string): Sources['canary'] {
  if (trials === null) return 'drills_unreadable'
  return canaryOf(trials.get(systemId) ?? []) ?? 'no_canary_yet'
}
