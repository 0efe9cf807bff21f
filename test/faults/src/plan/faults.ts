/** Lethe's own processes. */
export const services = [
  'request',
  'aggregator',
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
] as const
export type PoisonedTopic = (typeof poisonedTopics)[number]
/** Bytes of no format, a schema nobody registered, a real record with its last bytes changed, nothing at all. */
export const poisonForms = ['garbage', 'unknown-schema', 'altered', 'empty'] as const
export type PoisonForm = (typeof poisonForms)[number]

export type Fault =
  | {
      readonly kind: 'kill'
      readonly target: Target
      readonly instance: number
      /** Milliseconds before it is started again. */
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

/** One line for a person. */
export function describe(fault: Fault): string {
  switch (fault.kind) {
    case 'kill':
      return `kill ${fault.target}/${fault.instance + 1}`
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
