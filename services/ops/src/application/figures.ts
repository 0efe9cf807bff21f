import type { Gate } from '../adapters/pg-reads.js'
import type { DeadLettersView } from './dead-letters.js'
import type { EraserView } from './eraser-views.js'
import * as gauges from './figure-gauges.js'
import type { LagView } from './lag.js'
import type { OverviewView } from './overview.js'
import type { RiskView } from './risk.js'

/** What only alerts ask for. */
export interface Pressing {
  /** Open requests whose deadline has not passed and is at most five days away. */
  readonly dueIn5Days: number
  /** Completed requests of which a probe has found something left. */
  readonly residueAfterCompletion: number
}

/** Where the figures come from; all but `gates` are answers that are shared with whoever looks at the console. */
export interface FigureSources {
  readonly lag: () => Promise<LagView>
  readonly risk: () => Promise<RiskView>
  readonly deadLetters: () => Promise<DeadLettersView>
  readonly overview: () => Promise<OverviewView>
  readonly pressing: () => Promise<Pressing>
  readonly gates: () => Promise<readonly Gate[]>
  readonly erasers: () => Promise<readonly EraserView[]>
}

const VERDICTS = ['overdue', 'late', 'standing_still', 'unknown'] as const

/**
 * Puts what alerts are made of on `/metrics`. What one source does not know is absent and takes nothing of the
 * others with it. @throws AggregateError of what failed
 */
export async function publishFigures(sources: FigureSources, now: () => number = Date.now): Promise<void> {
  const { lag, risk, deadLetters, overview, pressing, gates, erasers } = sources
  const { lagOf, lagSecondsOf, unknownOf, silentOf, atRisk, deadLettersOf, gateOpen, canaryFailed } = gauges
  const { slotLag, slotRetained, slotActive, slotStatus } = gauges
  const { requestsIn, requestsDue, unverified, oldestPass, tasksOf } = gauges
  const ended = await Promise.allSettled([
    shown(
      [lagOf, lagSecondsOf, unknownOf, silentOf, slotLag, slotRetained, slotActive, slotStatus],
      lag,
      showLag,
    ),
    shown([atRisk], risk, showRisk),
    shown(
      [deadLettersOf],
      async () => ({ ...(await deadLetters()), of: (await lag()).groups }),
      showDeadLetters,
    ),
    shown(
      [requestsIn, requestsDue, unverified, oldestPass, tasksOf],
      async () => ({ ...whole(await overview()), ...(await pressing()) }),
      showOverview,
    ),
    shown([gateOpen], gates, showGates),
    shown([canaryFailed], erasers, showCanaries),
  ])
  const failed = ended.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []))
  if (failed.length > 0) throw new AggregateError(failed, 'some figures are not known')
  gauges.figuresAt.set({ service: 'ops' }, now() / 1_000)
}

/** What was shown before stays until the answer is there: an alert that waits must not start over with every look. */
async function shown<T>(
  group: readonly { reset(): void }[],
  read: () => Promise<T>,
  show: (found: T) => void,
): Promise<void> {
  const found = await read().catch((error: unknown) => {
    for (const one of group) one.reset()
    throw error
  })
  for (const one of group) one.reset()
  show(found)
}

function showLag({ groups, partitions, slots }: LagView): void {
  for (const { group, lag, health } of groups) {
    if (lag !== null) gauges.lagOf.set({ group }, lag)
    gauges.unknownOf.set({ group }, lag === null ? 1 : 0)
    if (health !== 'unknown') gauges.silentOf.set({ group }, health === 'silent' ? 1 : 0)
    const waits = partitions.filter((one) => one.group === group).map(({ lagMs }) => lagMs)
    const known = waits.filter((ms) => ms !== null)
    if (known.length > 0 && known.length === waits.length)
      gauges.lagSecondsOf.set({ group }, Math.max(...known) / 1_000)
  }
  for (const { slot, active, walStatus, lagBytes, retainedBytes } of slots ?? []) {
    gauges.slotActive.set({ slot }, active ? 1 : 0)
    if (lagBytes !== null) gauges.slotLag.set({ slot }, lagBytes)
    if (retainedBytes !== null) gauges.slotRetained.set({ slot }, retainedBytes)
    if (walStatus !== null) gauges.slotStatus.set({ slot, status: walStatus }, 1)
  }
}

function showRisk({ items }: RiskView): void {
  for (const verdict of VERDICTS)
    gauges.atRisk.set({ verdict }, items.filter((item) => item.verdict === verdict).length)
}

/** A group without any is shown as 0 once the list is known, so that its first one is a rise. */
function showDeadLetters({ items, of }: DeadLettersView & { of: LagView['groups'] }): void {
  if (items === null) return
  const groups = new Set([...of.map(({ group }) => group), ...items.map(({ group }) => group)])
  for (const group of groups)
    gauges.deadLettersOf.set({ group }, items.filter((item) => item.group === group).length)
}

/** The console shows what is known of half an answer; an alert on the other half would not speak. */
function whole(view: OverviewView): OverviewView {
  const { requests, verification, tasks, oldestUnacknowledged } = view
  const counts = [...Object.values(requests.byStatus), requests.overdue, requests.dueThisWeek, tasks]
  if (
    [...counts, ...Object.values(verification), oldestUnacknowledged].some(({ unknown }) => unknown !== null)
  )
    throw new Error('requests can not be counted')
  return view
}

function showOverview(view: OverviewView & Pressing): void {
  const { requests, verification, oldestUnacknowledged } = view
  for (const [status, { value }] of Object.entries(requests.byStatus))
    if (value !== null) gauges.requestsIn.set({ status }, value)
  const due = { overdue: requests.overdue.value, '7d': requests.dueThisWeek.value, '5d': view.dueIn5Days }
  for (const [when, value] of Object.entries(due)) if (value !== null) gauges.requestsDue.set({ when }, value)
  const found = {
    residual: verification.residual.value,
    inconclusive: verification.inconclusive.value,
    residual_after_completion: view.residueAfterCompletion,
  }
  for (const [finding, value] of Object.entries(found))
    if (value !== null) gauges.unverified.set({ finding }, value)
  const tasks = { open: view.tasks.value, overdue: view.tasksOverdue.value }
  for (const [state, value] of Object.entries(tasks)) if (value !== null) gauges.tasksOf.set({ state }, value)
  gauges.oldestPass.set({ service: 'ops' }, (oldestUnacknowledged.ageMs ?? 0) / 1_000)
}

/** A store nobody watches has no gate that could be shut, and of one that nobody has looked at lately nobody knows. */
function showGates(all: readonly Gate[]): void {
  for (const { systemId, state, standing, watched } of all)
    if (watched && (state === 'shut' || standing === 'open'))
      gauges.gateOpen.set({ system: systemId }, state === 'open' ? 1 : 0)
}

/** What no drill has shown is absent. */
function showCanaries(all: readonly EraserView[]): void {
  for (const { systemId, canary } of all)
    if (canary !== null) gauges.canaryFailed.set({ system: systemId }, canary.result === 'failed' ? 1 : 0)
}
