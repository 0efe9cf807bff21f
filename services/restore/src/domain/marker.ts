import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/**
 * A marker says when it was written and by which Lethe, so that nothing has to remember every marker ever
 * written to tell how old a restored copy is: `<incarnation>.<epoch ms>.<version of the data map>.<random>.<mac>`.
 * Those of before did not have the version.
 */
export interface MarkerKey {
  readonly secret: string
  readonly systemId: string
  /** Which installation of Lethe; another environment's store shows another one. */
  readonly incarnation: string
}

/** @param mapVersion in force now: what a backup of this moment holds is described by it */
export function newMarker(key: MarkerKey, now: number, mapVersion: number): string {
  const text = `${key.incarnation}.${now}.${mapVersion}.${randomBytes(12).toString('base64url')}`
  return `${text}.${macOf(key, text)}`
}

export type MarkerOrigin =
  | { readonly by: 'us'; readonly writtenAt: number; readonly mapVersion: number | null }
  | { readonly by: 'another installation' }
  | { readonly by: 'nobody' }

/** Where a value found in a store comes from. `nobody` is one no Lethe with this secret wrote, or none at all. */
export function originOf(key: MarkerKey, value: string | null): MarkerOrigin {
  if (value === null) return { by: 'nobody' }
  const end = value.lastIndexOf('.')
  const text = value.slice(0, Math.max(0, end))
  const given = Buffer.from(value.slice(end + 1))
  const [incarnation = '', at = '', ...rest] = text.split('.')
  const expected = Buffer.from(macOf({ ...key, incarnation }, text))
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return { by: 'nobody' }
  return incarnation === key.incarnation
    ? { by: 'us', writtenAt: Number(at), mapVersion: rest.length > 1 ? Number(rest[0]) : null }
    : { by: 'another installation' }
}

const macOf = ({ secret, systemId }: MarkerKey, text: string): string =>
  createHmac('sha256', secret).update(`lethe.marker|${systemId}|${text}`).digest('base64url').slice(0, 22)
