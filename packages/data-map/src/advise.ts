import { MANUAL } from './manual.js'
import type { DataMap } from './types.js'

/** Something a map may well say on purpose, and that surprises who does not. */
export interface Advice {
  readonly systemId: string
  readonly code: 'no_backups' | 'no_ceiling' | 'no_settle'
  /** Relative to the system's section. */
  readonly path: readonly (string | number)[]
  readonly message: string
}

/** What a map leaves open; pure. Systems without personal data have nothing to say. */
export function advise(map: DataMap): Advice[] {
  return Object.values(map.systems).flatMap((system) => {
    if (system.notApplicable !== undefined) return []
    const advice: Advice[] = []
    const add = (code: Advice['code'], message: string) =>
      advice.push({ systemId: system.systemId, code, path: [], message })
    if (system.backups.length === 0)
      add(
        'no_backups',
        'No backups are listed: erased people count as gone from backups at once. List them under backups:.',
      )
    if (system.ceiling === null && system.kind !== MANUAL)
      add('no_ceiling', 'No ceiling: one pass may touch any number of records. Give ceiling:.')
    if (system.derivedFrom.length > 0 && system.settleMs === 0)
      add(
        'no_settle',
        'A copy without settle: is looked at before late copies arrive. Give settle:, e.g. PT5S.',
      )
    return advice
  })
}
