/** Lethe's own processes. */
export const services = [
  'request',
  'aggregator',
  'restore',
  'ops',
  'eraser-shop-pg',
  'eraser-cache',
  'eraser-search',
  'probe-shop-pg',
  'probe-cache',
  'probe-search',
] as const
/** What they stand on, and the stores they erase from. */
export const servers = [
  'postgres-lethe',
  'postgres-shop',
  'redis-shop',
  'elasticsearch',
  'kafka',
  'connect',
  'registry',
] as const
export const targets = [...services, ...servers] as const
export type Service = (typeof services)[number]
export type Target = (typeof targets)[number]

export const isService = (target: Target): target is Service =>
  (services as readonly Target[]).includes(target)

/** How many of each run; two of one group make every start and end a rebalance. */
export const instancesOf = (target: Target): number =>
  target === 'aggregator' || target.startsWith('eraser-') ? 2 : 1

/** Connections that can be disturbed without touching either end. */
export const links = [
  'lethe-pg',
  'shop-pg',
  'redis',
  'search',
  'kafka',
  'request',
  'registry',
  'cdc',
] as const
export type Link = (typeof links)[number]

export const disks = ['postgres-lethe', 'kafka'] as const
export type Disk = (typeof disks)[number]

export const poisonedTopics = [
  'erasure.intake',
  'erasure.requested',
  'erasure.probe.requested',
  'erasure.acknowledged',
  'erasure.status',
  'erasure.tombstones',
  'restore.announced',
] as const
export type PoisonedTopic = (typeof poisonedTopics)[number]
/** Bytes of no format, a schema nobody registered, a real record with its last bytes changed, nothing at all. */
export const poisonForms = ['garbage', 'unknown-schema', 'altered', 'empty'] as const
export type PoisonForm = (typeof poisonForms)[number]

export interface Kill {
  readonly target: Target
  readonly instance: number
}

export type Fault =
  | {
      readonly kind: 'kill'
      readonly target: Target
      readonly instance: number
      /** Milliseconds before it is started again. */
      readonly downMs: number
    }
  /** Two at the same moment: neither can cover for the other. */
  | {
      readonly kind: 'pair'
      readonly kills: readonly [Kill, Kill]
      readonly downMs: number
    }
  | { readonly kind: 'stop'; readonly target: Target; readonly instance: number; readonly ms: number }
  | { readonly kind: 'rebalance'; readonly target: Target; readonly instance: number }
  | {
      readonly kind: 'link'
      readonly link: Link
      readonly effect: 'slow' | 'cut' | 'half-open'
      readonly ms: number
    }
  | { readonly kind: 'slot' }
  | { readonly kind: 'disk'; readonly disk: Disk; readonly ms: number }
  | {
      readonly kind: 'clock'
      readonly target: Target
      readonly instance: number
      readonly byMs: number
      readonly ms: number
    }
  | { readonly kind: 'poison'; readonly topic: PoisonedTopic; readonly form: PoisonForm }

export type FaultKind = Fault['kind']

/** What the fault is done to, as the report names it. */
export function targetOf(fault: Fault): string {
  switch (fault.kind) {
    case 'kill':
    case 'stop':
    case 'rebalance':
    case 'clock':
      return fault.target
    case 'pair':
      return fault.kills.map(({ target }) => target).join(' + ')
    case 'link':
      return `link ${fault.link}`
    case 'slot':
      return 'replication slot'
    case 'disk':
      return `disk of ${fault.disk}`
    case 'poison':
      return fault.topic
    default:
      return fault satisfies never
  }
}

/** Everything that is killed by it. */
export function killsOf(fault: Fault): readonly Kill[] {
  if (fault.kind === 'pair') return fault.kills
  return fault.kind === 'kill' ? [{ target: fault.target, instance: fault.instance }] : []
}

/** What has to work before it begins, and is not touched by another fault until it works again. */
export function touched(fault: Fault): readonly string[] {
  if (fault.kind === 'pair') return fault.kills.map(({ target }) => target)
  return fault.kind === 'disk' ? [fault.disk] : [targetOf(fault)]
}

/** One line for a person. */
export function describe(fault: Fault): string {
  switch (fault.kind) {
    case 'kill':
      return `kill ${fault.target}/${fault.instance + 1}`
    case 'pair':
      return `kill ${fault.kills.map(({ target, instance }) => `${target}/${instance + 1}`).join(' and ')} at once`
    case 'stop':
      return `stop ${fault.target}/${fault.instance + 1} for ${fault.ms} ms`
    case 'rebalance':
      return `rebalance by ${fault.target}/${fault.instance + 1}`
    case 'clock':
      return `clock of ${fault.target}/${fault.instance + 1} by ${fault.byMs} ms for ${fault.ms} ms`
    case 'link':
      return `${fault.effect} link ${fault.link} for ${fault.ms} ms`
    case 'slot':
      return 'drop the replication slot'
    case 'disk':
      return `fill the disk of ${fault.disk} for ${fault.ms} ms`
    case 'poison':
      return `poison ${fault.topic} (${fault.form})`
    default:
      return fault satisfies never
  }
}
