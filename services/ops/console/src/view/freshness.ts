/** How what is shown is kept up to date. */
export type Transport = 'connecting' | 'stream' | 'polling' | 'broken'

export interface Heard {
  readonly transport: Transport
  /** When the service was last heard, epoch milliseconds of this browser; null: never. */
  readonly at: number | null
}

export type Freshness =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'live' }
  | { readonly kind: 'polling' }
  | { readonly kind: 'stale'; readonly since: number | null }

/** The stream says something every two seconds, polling asks every five: three of those in silence are too many. */
export const STALE_AFTER_MS = 15_000

/** Only who was heard lately is live, whatever the connection says of itself. */
export function freshness({ transport, at }: Heard, now: number): Freshness {
  if (at === null) return transport === 'broken' ? { kind: 'stale', since: null } : { kind: 'connecting' }
  if (transport === 'broken' || now - at > STALE_AFTER_MS) return { kind: 'stale', since: at }
  return transport === 'polling' ? { kind: 'polling' } : { kind: 'live' }
}
