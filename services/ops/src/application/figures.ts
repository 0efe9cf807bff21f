import { gauge } from '@lethe/service-host'
import type { Lag } from './lag.js'
import type { Risk } from './risk.js'

const lagOf = gauge('lethe_ops_group_lag', 'Records a group has not confirmed; absent where not known.', [
  'group',
])
const unknownOf = gauge('lethe_ops_group_lag_unknown', '1 where the lag of a group is not known.', ['group'])
const silentOf = gauge('lethe_ops_group_silent', '1 for a group without members.', ['group'])
const atRisk = gauge('lethe_ops_requests_at_risk', 'Requests whose deadline the lag endangers.', ['verdict'])

const verdicts = ['overdue', 'late', 'standing_still', 'unknown'] as const

/** Puts what alerts are made of on `/metrics`. @param maxAgeMs how old it may be */
export async function publishFigures(lag: Lag, risk: Risk, maxAgeMs: number): Promise<void> {
  const { groups } = (await lag.read(maxAgeMs)).value
  for (const one of [lagOf, unknownOf, silentOf]) one.reset()
  for (const { group, lag: records, health } of groups) {
    if (records !== null) lagOf.set({ group }, records)
    unknownOf.set({ group }, records === null ? 1 : 0)
    silentOf.set({ group }, health === 'silent' ? 1 : 0)
  }
  const { items } = (await risk.read('*', maxAgeMs)).value
  for (const verdict of verdicts)
    atRisk.set({ verdict }, items.filter((item) => item.verdict === verdict).length)
}
