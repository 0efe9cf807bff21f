import {
  disks,
  type Fault,
  type FaultKind,
  instancesOf,
  isService,
  type Kill,
  killsOf,
  links,
  poisonedTopics,
  poisonForms,
  servers,
  services,
  type Target,
  targetOf,
  targets,
} from './faults.js'
import { Random } from './random.js'

/** How often each is still to be killed. */
export type Needs = Readonly<Partial<Record<Target, number>>>

export interface ScheduleOptions {
  readonly seed: number
  /** Kills that are wanted; the schedule ends with them. Without it, it goes on for ever. */
  readonly needs?: Needs
  /** Faults of this target alone, as `targetOf` names it. */
  readonly only?: string
  /** Kinds this machine can not do; everything else stays where it is in the schedule. */
  readonly without?: ReadonlySet<FaultKind>
}

/** One fault, and the milliseconds of quiet before it. */
export interface Planned {
  readonly n: number
  readonly fault: Fault
  readonly gapMs: number
}

/**
 * What will be done, in order: a function of the options. One deck kills every service once and half of the
 * servers, or, where kills are asked for, whatever is still short of them; some of it two at a time, with every
 * other kind of fault in between.
 */
export function* schedule(options: ScheduleOptions): Generator<Planned> {
  let n = 0
  for (let deck = 0; deck < decksOf(options.needs); deck++) {
    const random = new Random(`faults ${options.seed} deck ${deck}`)
    for (const drawn of deckOf(random, deck, options.needs)) {
      const gapMs = random.whole(100, 900)
      const fault = narrowed(drawn, options)
      if (fault !== null) yield { n: n++, fault, gapMs }
    }
    // Nothing of such a target comes in any deck: an endless search would look like a run.
    if (n === 0 && deck > 20) throw new RangeError(`no fault of "${options.only ?? ''}" can be done here`)
  }
}

/** Each of `wanted`, as often as asked for. */
export const needsOf = (kills: number): Needs => Object.fromEntries(targets.map((target) => [target, kills]))

const decksOf = (needs: Needs | undefined): number =>
  needs === undefined ? Number.POSITIVE_INFINITY : Math.max(0, ...Object.values(needs))

/** Where one target is looked at, a pair is a kill of that one. */
function narrowed(fault: Fault, { only, without }: ScheduleOptions): Fault | null {
  if (without?.has(fault.kind)) return null
  if (only === undefined || targetOf(fault) === only) return fault
  const own = fault.kind === 'pair' ? fault.kills.find(({ target }) => target === only) : undefined
  return own && fault.kind === 'pair' ? { kind: 'kill', ...own, downMs: fault.downMs } : null
}

function deckOf(random: Random, deck: number, needs: Needs | undefined): Fault[] {
  const others = othersIn(random, deck)
  // Where kills are asked for, they are what the time is for.
  const some = needs === undefined ? others : random.shuffle(others).slice(0, 4)
  return random.shuffle([...killsIn(random, deck, needs), ...some])
}

function killsIn(random: Random, deck: number, needs: Needs | undefined): Fault[] {
  // Over two decks every server is killed once at least.
  const half = deck % 2 === 0 ? servers.slice(0, 4) : servers.slice(3)
  const wanted = needs
    ? targets.filter((target) => (needs[target] ?? 0) > deck)
    : targets.filter((target) => isService(target) || half.includes(target))
  const faults: Fault[] = []
  const rest = random
    .shuffle(wanted)
    .map((target): Kill => ({ target, instance: deck % instancesOf(target) }))
  for (let one = rest.pop(); one; one = rest.pop()) {
    const downMs = random.chance(0.7) ? random.whole(0, 300) : random.whole(500, 4_000)
    const other = random.chance(PAIRED) ? rest.pop() : undefined
    faults.push(other ? { kind: 'pair', kills: [one, other], downMs } : { kind: 'kill', ...one, downMs })
  }
  return faults
}

/** Of the kills, how many take a second one with them. */
const PAIRED = 0.35

function othersIn(random: Random, deck: number): Fault[] {
  return [
    ...random
      .shuffle(services)
      .slice(0, 3)
      .map((target) => stop(random, target)),
    stop(random, servers[deck % servers.length] ?? 'kafka'),
    link(random),
    link(random),
    { kind: 'rebalance', target: random.pick(doubled), instance: random.whole(0, 1) },
    poison(random, deck),
    poison(random, deck + 3),
    clock(random),
    ...(random.chance(0.5) || deck === 0 ? [{ kind: 'slot' } as const] : []),
    ...(random.chance(0.4) || deck === 0
      ? [{ kind: 'disk', disk: random.pick(disks), ms: random.whole(1_000, 4_000) } as const]
      : []),
  ]
}

const doubled = services.filter((service) => instancesOf(service) === 2)

function stop(random: Random, target: Target): Fault {
  // Longer than a session of the group now and then, so that the others go on without it.
  const ms = random.chance(0.3) ? random.whole(11_000, 14_000) : random.whole(500, 4_000)
  return { kind: 'stop', target, instance: random.whole(0, instancesOf(target) - 1), ms }
}

const link = (random: Random): Fault => ({
  kind: 'link',
  link: random.pick(links),
  effect: random.pick(['slow', 'cut', 'half-open'] as const),
  ms: random.whole(1_000, 6_000),
})

const poison = (random: Random, turn: number): Fault => ({
  kind: 'poison',
  topic: poisonedTopics[turn % poisonedTopics.length] ?? 'erasure.intake',
  form: random.pick(poisonForms),
})

/** Within the agreement of clocks that docs/LIMITS.md asks for. */
function clock(random: Random): Fault {
  const target = random.pick(services)
  const byMs = random.whole(2_000, 8_000) * random.pick([1, -1])
  return {
    kind: 'clock',
    target,
    instance: random.whole(0, instancesOf(target) - 1),
    byMs,
    ms: random.whole(2_000, 6_000),
  }
}

/** Kills of each target in some faults. */
export function killCounts(faults: readonly Fault[]): Map<Target, number> {
  const counts = new Map<Target, number>()
  for (const { target } of faults.flatMap(killsOf)) counts.set(target, (counts.get(target) ?? 0) + 1)
  return counts
}
