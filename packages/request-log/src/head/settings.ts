import type { HeadPlace } from './head-file.js'

/** As they stand in a service's environment; both or neither. */
export interface HeadSettings {
  readonly LETHE_HEAD_FILE?: string | undefined
  readonly LETHE_HEAD_SECRET?: string | undefined
}

const SHORTEST = 32

/** What is wrong with the settings, by name; empty when nothing is. */
export function headShape({ LETHE_HEAD_FILE: file, LETHE_HEAD_SECRET: secret }: HeadSettings): {
  readonly name: string
  readonly problem: string
}[] {
  if (file === undefined && secret === undefined) return []
  if (file === undefined)
    return [{ name: 'LETHE_HEAD_FILE', problem: 'is missing, and LETHE_HEAD_SECRET is for it' }]
  if (secret === undefined)
    return [{ name: 'LETHE_HEAD_SECRET', problem: 'is missing, and LETHE_HEAD_FILE needs it' }]
  return secret.length < SHORTEST
    ? [{ name: 'LETHE_HEAD_SECRET', problem: `needs at least ${SHORTEST} characters` }]
    : []
}

/** Null where nobody said where the head is kept. */
export const headSettings = ({
  LETHE_HEAD_FILE: file,
  LETHE_HEAD_SECRET: secret,
}: HeadSettings): HeadPlace | null => (file === undefined || secret === undefined ? null : { file, secret })
