import type { log } from '@lethe/schemas'
import fc from 'fast-check'
import { attention } from '../attention.js'
import type { RequestCommand } from '../commands.js'
import { wakeAt } from '../proceed.js'
import { ack, archivePlan, DAY, plan, report, START, step, system } from './fixtures.js'
import { type Core, type Deed, type Look, type Toil, World } from './world.js'

const deeds: readonly Deed[] = [
  'erase',
  'erase',
  'erase',
  'lie',
  'lie',
  'crash before',
  'crash after',
  'fail',
  'fail for good',
  'over ceiling',
  'retain',
  'defer',
]
const looks: readonly Look[] = ['look', 'look', 'cannot tell', 'say nothing']

const toils: readonly Toil[] = ['do', 'do', 'pretend', 'do regardless', 'forget']

const pick = fc.nat({ max: 12 })
const again = fc.boolean()
const by = fc.constantFrom('portal', 'ada', 'bob')

/** One thing that happens; what it happens to is picked among what is there at that time. */
const action = fc.oneof(
  { weight: 40, arbitrary: fc.record({ kind: fc.constant('read' as const), pick, again }) },
  {
    weight: 40,
    arbitrary: fc.record({
      kind: fc.constant('work' as const),
      pick,
      again,
      deed: fc.constantFrom(...deeds),
    }),
  },
  { weight: 40, arbitrary: fc.record({ kind: fc.constant('acknowledge' as const), pick, again }) },
  {
    weight: 30,
    arbitrary: fc.record({
      kind: fc.constant('look' as const),
      pick,
      again,
      look: fc.constantFrom(...looks),
    }),
  },
  { weight: 30, arbitrary: fc.record({ kind: fc.constant('report' as const), pick, again }) },
  {
    weight: 12,
    arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(1, 999, 5_000, 60_000) }),
  },
  { weight: 14, arbitrary: fc.record({ kind: fc.constant('wake' as const) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('refill' as const) }) },
  { weight: 12, arbitrary: fc.record({ kind: fc.constant('take' as const), pick, by }) },
  {
    weight: 12,
    arbitrary: fc.record({ kind: fc.constant('toil' as const), pick, again, how: fc.constantFrom(...toils) }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('approve' as const), by }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('hold' as const), pick }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('release' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('end' as const), how: fc.constantFrom('Cancel', 'Refuse') }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('retry' as const), pick, look: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('doubt' as const), candidates: fc.constantFrom(0, 2) }),
  },
)
export type Action = typeof action extends fc.Arbitrary<infer T> ? T : never

const plans: readonly Omit<log.PlanFrozen, 'at'>[] = [
  plan(),
  plan({
    steps: [step('cache#1', [], 1), step('pg#1', ['cache#1'], 2), step('cache#2', ['pg#1'], 3)],
    systems: [system('cache', { settleMs: 5_000, derivedFrom: ['pg'] }), system('pg')],
    notApplicable: [{ systemId: 'crm', reason: 'not used' }],
  }),
  plan({
    steps: [step('a#1'), step('b#1'), step('index#1', ['a#1', 'b#1'], 2), step('c#1', ['a#1'], 2)],
    systems: [
      system('a', { backups: [{ name: 'nightly', keepMs: 30 * DAY }] }),
      system('b'),
      system('c', { settleMs: 1_000 }),
      system('index', { settleMs: 1_000, derivedFrom: ['a', 'b'] }),
    ],
  }),
  archivePlan(),
  // A task that others wait for, and nothing else a probe could look into.
  plan({
    steps: [step('cache#1'), step('archive#1', ['cache#1'], 2), step('index#1', ['archive#1'], 3)],
    systems: [
      system('archive', { kind: 'manual', byHand: { role: 'privacy_officer', withinMs: 60_000 } }),
      system('cache'),
      system('index', { settleMs: 1_000, derivedFrom: ['cache'] }),
    ],
  }),
]

export interface Scenario {
  readonly plan: Omit<log.PlanFrozen, 'at'>
  readonly received: Partial<log.RequestReceived>
  readonly actions: readonly Action[]
}

export const scenario: fc.Arbitrary<Scenario> = fc.record({
  plan: fc.constantFrom(...plans),
  received: fc.record({
    graceUntil: fc.constantFrom(null, null, START + 60_000),
    approvalRequired: fc.constantFrom(false, false, true),
  }),
  actions: fc.array(action, { maxLength: 90, size: 'max' }),
})

/** Takes one of the list, or leaves it there to be delivered again. */
function withOne<T>(list: T[], which: { pick: number; again: boolean }, use: (one: T) => unknown): void {
  if (list.length === 0) return
  const at = which.pick % list.length
  const one = which.again ? list[at] : list.splice(at, 1)[0]
  if (one !== undefined) use(one)
}

export function act(world: World, action: Action): void {
  switch (action.kind) {
    case 'read':
      withOne(world.commands, action, (command) => world.read(command))
      break
    case 'work':
      withOne(world.works, action, (work) => world.work(work, action.deed))
      break
    case 'acknowledge':
      withOne(world.acks, action, (ack) => world.tell({ type: 'Acknowledge', ack }))
      break
    case 'look':
      withOne(world.looks, action, (asked) => world.look(asked, action.look))
      break
    case 'report':
      withOne(world.reports, action, (report) => world.tell({ type: 'ReportProbe', report }))
      break
    case 'take':
      world.take(world.plan.systems[action.pick % world.plan.systems.length]?.systemId ?? '', action.by)
      break
    case 'toil':
      withOne(world.toils, action, (toil) => world.toil(toil, action.how))
      break
    case 'wait':
      world.now += action.ms
      world.tell({ type: 'Proceed' })
      break
    case 'wake':
      wake(world)
      break
    case 'refill':
      world.refill()
      break
    default:
      world.tell(commandOf(world, action))
  }
}

type Wish = Extract<Action, { kind: 'approve' | 'hold' | 'release' | 'end' | 'retry' | 'doubt' }>

function commandOf(world: World, wish: Wish): RequestCommand {
  switch (wish.kind) {
    case 'approve':
      return { type: 'Approve', by: wish.by }
    case 'hold':
      return { type: 'Hold', holdId: `hold-${wish.pick}`, by: 'ada', reasonRef: null }
    case 'release':
      return { type: 'Release', holdId: null, by: 'ada' }
    case 'end':
      if (wish.how === 'Cancel') return { type: 'Cancel', by: 'portal' }
      return { type: 'Refuse', by: 'ada', ground: '17(3)(e)', citation: 'claims' }
    case 'retry': {
      const systemId = world.plan.systems[wish.pick % world.plan.systems.length]?.systemId ?? ''
      return wish.look ? { type: 'Reprobe', systemId } : { type: 'RetrySystem', systemId, by: 'op' }
    }
    case 'doubt':
      return { type: 'OpenIdentityReview', code: 'ambiguous_subject', candidates: wish.candidates }
    default:
      return wish satisfies never
  }
}

/** To the next thing the process manager waits for, unless that is as far away as a backup's end. */
function wake(world: World): void {
  const at = wakeAt(world.state, world.policy)
  if (at !== null && at - world.now < 10 * DAY) world.now = Math.max(world.now, at)
  world.tell({ type: 'Proceed' })
}

export function play(scenario: Scenario, core?: Core): World {
  const world = new World(scenario.plan, scenario.received, core)
  for (const action of scenario.actions) act(world, action)
  return world
}

/** Faults are over: everything is delivered once, done honestly, and time passes until nothing moves. */
export function settle(world: World): void {
  for (let turn = 0; turn < 2_000; turn += 1) {
    const command = world.commands.shift()
    if (command) world.read(command)
    const work = world.works.shift()
    if (work) world.work(work, 'erase')
    const ack = world.acks.shift()
    if (ack) world.tell({ type: 'Acknowledge', ack })
    const asked = world.looks.shift()
    if (asked) world.look(asked, 'look')
    const report = world.reports.shift()
    if (report) world.tell({ type: 'ReportProbe', report })
    if (command ?? work ?? ack ?? asked ?? report) continue
    const at = wakeAt(world.state, world.policy)
    if (at === null) return
    world.now = Math.max(world.now, at)
    world.tell({ type: 'Proceed' })
  }
  throw new Error('with faults over, the request does not come to rest')
}

/**
 * Late and contradicting: every grant is acknowledged again as failed and as kept, a person's too, and every probe
 * finds residue.
 */
export function contradict(world: World): void {
  for (const event of [...world.log]) {
    if (event.type === 'GrantIssued' || event.type === 'TaskTaken') {
      const { grantId, passId, attempt, systemId, stepId } = event.data
      for (const outcome of ['failed', 'retained', 'deferred'] as const) {
        const late = ack(passId, { ackId: world.id('late'), grantId, attempt, systemId, stepId, outcome })
        world.tell({ type: 'Acknowledge', ack: late })
      }
    }
    if (event.type === 'ProbeRequested') {
      const late = report(event.data.passId, { reportId: world.id('late'), result: 'residual' })
      world.tell({ type: 'ReportProbe', report: late })
    }
  }
}

/** A person does the next step of whatever the request says it waits for. */
export function attend(world: World): void {
  const wanted = world.state && attention(world.state)
  if (!wanted) return
  switch (wanted.nextStep) {
    case 'release_when_the_hold_ends':
      world.tell({ type: 'Release', holdId: null, by: 'ada' })
      break
    case 'decide_whom_it_is':
      world.tell({ type: 'RecordResolution', found: { user_id: 1 }, rounds: 1, occasion: 'first_step' })
      break
    case 'do_task_then_mark_done': {
      world.take(wanted.systemId ?? '', 'ada')
      const taken = world.toils.pop()
      if (taken) world.toil(taken, 'do')
      break
    }
    case 'approve_or_refuse':
      for (const by of ['ada', 'bob', 'carl']) world.tell({ type: 'Approve', by })
      break
    default:
      world.tell({ type: 'RetrySystem', systemId: wanted.systemId ?? '', by: 'op' })
  }
}
