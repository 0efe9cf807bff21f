import type { Preview } from '@lethe/client'
import { table, yellow } from './render.js'

/** The steps a request made now would take. */
export function planText({ plan }: Preview): string {
  const steps = plan.steps.map(({ stepId, after }, index) => [
    `  ${index + 1}. ${stepId}`,
    after.length === 0 ? 'at once' : `after ${after.join(', ')}`,
  ])
  const exempt = plan.notApplicable.map(({ systemId, reason }) => `  not applicable: ${systemId}, ${reason}`)
  return [`Plan, by data map ${plan.mapVersion}:`, table(steps), ...exempt].join('\n')
}

/** What is held, by system and collection, and what is not known. */
export function previewText(preview: Preview): string {
  const rows = Object.entries(preview.systems).flatMap(([systemId, counts]) =>
    Object.entries(counts).map(([collection, one]) => [`  ${systemId}`, collection, String(one.found)]),
  )
  const found = Object.values(preview.systems).some((counts) =>
    Object.values(counts).some((one) => one.found > 0),
  )
  return [
    whoText(preview),
    ...(rows.length > 0 ? [table(rows)] : []),
    ...preview.unknown.map((systemId) =>
      yellow(`  ${systemId}: unknown, its probe does not answer. It may hold something.`),
    ),
    ...preview.byHand.map((systemId) =>
      yellow(`  ${systemId}: only a person can look there; they get a task.`),
    ),
    ...preview.overCeiling.map((systemId) =>
      yellow(`  ${systemId}: over its ceiling. A second approver is asked before anything there is erased.`),
    ),
    ...(found || preview.unknown.length + preview.byHand.length > 0
      ? []
      : ['Nothing is held in the mapped systems.']),
  ].join('\n')
}

function whoText({ people, identifiers }: Preview): string {
  if (people === null) return yellow('Who is meant is not known: a system that could tell does not answer.')
  if (people === 0) return 'Nobody was found by these identifiers.'
  const known = Object.entries(identifiers).map(([type, n]) => `${n} ${type}`)
  return `One person is meant, known by ${known.join(', ')}.`
}
