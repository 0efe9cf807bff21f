/** What is needed of a drill to say when the next one is due. Epoch milliseconds. */
export interface EndedDrill {
  readonly systemId: string
  readonly finishedAt: number | null
  readonly verdict: string | null
}

export interface DrillDue {
  readonly systemId: string
  /** When the last drill that passed ended. */
  readonly lastPassedAt: number | null
  readonly dueAt: number | null
  readonly overdue: boolean | null
  /** Why a field is null, under its name; a system that never passed one has no moment and is overdue. */
  readonly unknown: Readonly<Record<string, string>>
}

/**
 * @param drills null: the restore service did not say
 * @param everyMs how often a drill must be passed; null: nobody asks for any
 */
export function drillsDue(
  systemIds: readonly string[],
  drills: readonly EndedDrill[] | null,
  everyMs: number | null,
  now: number,
): DrillDue[] {
  return systemIds.map((systemId) => {
    if (drills === null) return nothing(systemId, 'restore_unreachable', null)
    const passed = drills.flatMap((one) =>
      one.systemId === systemId && one.verdict === 'passed' && one.finishedAt !== null
        ? [one.finishedAt]
        : [],
    )
    const lastPassedAt = passed.length === 0 ? null : Math.max(...passed)
    if (everyMs === null) return nothing(systemId, 'no_drill_period', lastPassedAt)
    if (lastPassedAt === null)
      return { systemId, lastPassedAt, dueAt: null, overdue: true, unknown: { dueAt: 'never_passed' } }
    const dueAt = lastPassedAt + everyMs
    return { systemId, lastPassedAt, dueAt, overdue: now > dueAt, unknown: {} }
  })
}

function nothing(systemId: string, why: string, lastPassedAt: number | null): DrillDue {
  return { systemId, lastPassedAt, dueAt: null, overdue: null, unknown: { dueAt: why, overdue: why } }
}
