import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/**
 * A marker says when it was written and by which Lethe, so that nothing has to remember every marker ever
 * written to tell how old a restored copy is: `<incarnation>.<epoch ms>.<random>.<mac>`.
 */
export interface MarkerKey {
  readonly secret: string
  readonly systemId: string
  /** Which installation of Lethe; another environment's store shows another one. */
  readonly incarnation: string
}

export function newMarker(key: MarkerKey, now: number): string {
  const text = `${key.incarnation}.${now}.${randomBytes(12).toString('base64url')}`
  return `${text}.${macOf(key, text)}`
}

export type MarkerOrigin =
  | { readonly by: 'us'; readonly writtenAt: number }
  | { readonly by: 'another installation' }
  | { readonly by: 'nobody' }

/** Where a value found in a store comes from. `nobody` is one no Lethe with this secret wrote, or none at all. */
export function originOf(key: MarkerKey, value: string | null): MarkerOrigin {
  if (value === null) return { by: 'nobody' }
  const end = value.lastIndexOf('.')
  const text = value.slice(0, Math.max(0, end))
  const given = Buffer.from(value.slice(end + 1))
  const [incarnation = '', at = ''] = text.split('.')
  const expected = Buffer.from(macOf({ ...key, incarnation }, text))
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return { by: 'nobody' }
  return incarnation === key.incarnation
    ? { by: 'us', writtenAt: Number(at) }
    : { by: 'another installation' }
}

const macOf = ({ secret, systemId }: MarkerKey, text: string): string =>
  createHmac('sha256', secret).update(`lethe.marker|${systemId}|${text}`).digest('base64url').slice(0, 22)
