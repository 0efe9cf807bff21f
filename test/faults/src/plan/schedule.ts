import {
  disks,
  type Fault,
  type FaultKind,
  instancesOf,
  links,
  poisonedTopics,
  poisonForms,
  servers,
  services,
  type Target,
  targetOf,
} from './faults.js'
import { Random } from './random.js'

export interface ScheduleOptions {
  readonly seed: number
  /** Kills of every service; the schedule ends after them. Without it, it goes on for ever. */
  readonly kills?: number
  /** Faults of this target alone, as `targetOf` names it. */
  readonly only?: string
  /** Kinds this machine can not do; everything else stays where it is in the schedule. */
  readonly without?: ReadonlySet<FaultKind>
}

/** Faults that are in force together. The next round begins when all of them are over. */
export interface Round {
  readonly n: number
  readonly faults: readonly { readonly fault: Fault; readonly delayMs: number }[]
  /** Milliseconds of quiet after it. */
  readonly gapMs: number
}

/**
 * What will be done, in order: a function of the options. One deck kills every service once, and three or
 * four servers, in an order of its own, with some of every other kind of fault in between. A fault stands
 * alone or in a mix of two or three.
 */
export function* schedule(options: ScheduleOptions): Generator<Round> {
  let n = 0
  for (let deck = 0; deck < (options.kills ?? Number.POSITIVE_INFINITY); deck++) {
    const random = new Random(`faults ${options.seed} deck ${deck}`)
    for (const together of grouped(random, deckOf(random, deck))) {
      const faults = together.filter(({ fault }) => wanted(fault, options))
      const gapMs = random.whole(200, 1_500)
      if (faults.length > 0) yield { n: n++, faults, gapMs }
    }
    // Nothing of such a target comes in any deck: an endless search would look like a run.
    if (n === 0 && deck > 20) throw new RangeError(`no fault of "${options.only ?? ''}" can be done here`)
  }
}

const wanted = (fault: Fault, { only, without }: ScheduleOptions): boolean =>
  (only === undefined || targetOf(fault) === only) && !without?.has(fault.kind)

function deckOf(random: Random, deck: number): Fault[] {
  // Over two decks every server is killed once at least.
  const [half, other] = [servers.slice(0, 4), servers.slice(3)]
  const kills = [...services, ...(deck % 2 === 0 ? half : other)]
  return random.shuffle([
    ...kills.map((target) => kill(random, target, deck)),
    ...random
      .shuffle(services)
      .slice(0, 3)
      .map((target) => stop(random, target)),
    stop(random, random.pick(servers)),
    link(random),
    link(random),
    { kind: 'rebalance', target: random.pick(services.slice(1, 5)), instance: random.whole(0, 1) } as const,
    poison(random, deck),
    poison(random, deck + 3),
    clock(random),
    ...(random.chance(0.5) || deck === 0 ? [{ kind: 'slot' } as const] : []),
    ...(random.chance(0.4) || deck === 0
      ? [{ kind: 'disk', disk: random.pick(disks), ms: random.whole(1_000, 4_000) } as const]
      : []),
  ])
}

function kill(random: Random, target: Target, deck: number): Fault {
  const downMs = random.chance(0.7) ? random.whole(0, 300) : random.whole(500, 4_000)
  return { kind: 'kill', target, instance: deck % instancesOf(target), downMs }
}

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

function* grouped(random: Random, faults: readonly Fault[]): Generator<Round['faults']> {
  for (let from = 0; from < faults.length; ) {
    const size = random.pick([1, 1, 2, 2, 3])
    const together = faults.slice(from, from + size)
    from += size
    // One target twice in a round would only wait for itself.
    const names = new Set<string>()
    const distinct = together.filter((fault) => !names.has(targetOf(fault)) && names.add(targetOf(fault)))
    const late = together.filter((fault) => !distinct.includes(fault))
    yield distinct.map((fault, at) => ({ fault, delayMs: at === 0 ? 0 : random.whole(0, 800) }))
    if (late.length > 0) yield late.map((fault) => ({ fault, delayMs: 0 }))
  }
}
