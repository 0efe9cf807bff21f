import type {
  AtRisk,
  Endangered,
  Erasers,
  Group,
  Lag,
  Overview,
  Partition,
} from '../../../src/adapters/http/answer-types.js'
import { canaryWords, verdictWords } from './erasers.js'
import { pageOf } from './links.js'
import { counted, plain, reason } from './words.js'

/** One thing that is stuck, since when, and whom it endangers. */
export interface Trouble {
  readonly id: string
  readonly tone: 'bad' | 'warn'
  readonly what: string
  /** Why, or what it means. */
  readonly why: string
  /** Epoch milliseconds; null when nobody can say. */
  readonly since: number | null
  /** `at least this long`: what was seen is younger than the trouble. */
  readonly atLeast: boolean
  /** Requests whose deadline it endangers; null when that is not known. */
  readonly endangers: number | null
  readonly endangersPage: string
  readonly page: string
}

export interface Known {
  readonly overview: Overview | null
  readonly lag: Lag | null
  readonly atRisk: AtRisk | null
  readonly erasers: Erasers | null
}

/** What is stuck now, the worst first. What is not known is a trouble too: it is never taken for well. */
export function troubles({ overview, lag, atRisk, erasers }: Known): Trouble[] {
  const found = [
    ...(overview ? deadlines(overview) : []),
    ...(overview ? residues(overview) : []),
    ...(lag ? lag.groups.flatMap((group) => ofGroup(group, lag, atRisk)) : []),
    ...(erasers ? erasers.items.flatMap((one) => ofEraser(one, atRisk)) : []),
    ...(lag ? ofTheWay(lag, atRisk) : []),
    ...(overview ? ofTheRest(overview) : []),
  ]
  const worst = (one: Trouble) => (one.tone === 'bad' ? 0 : 1)
  return found.sort((a, b) => worst(a) - worst(b) || (b.endangers ?? 0) - (a.endangers ?? 0))
}

/** Requests that a place endangers. */
export const endangeredBy = (place: string, atRisk: AtRisk | null): readonly Endangered[] | null =>
  atRisk === null ? null : atRisk.items.filter(({ because }) => because.includes(place))

const nobody = { endangers: null, endangersPage: '/at-risk', since: null, atLeast: false }

function deadlines({ requests }: Overview): Trouble[] {
  const { value, href } = requests.overdue
  if (value === null || value === 0) return []
  return [
    {
      ...nobody,
      id: 'overdue',
      tone: 'bad',
      what: `${counted(value, 'request')} overdue`,
      why: 'The legal deadline has passed and they are still open.',
      endangers: value,
      endangersPage: pageOf(href),
      page: pageOf(href),
    },
  ]
}

/** Somebody was called erased, or is about to be, and an independent probe still finds them. */
function residues({ verification }: Overview): Trouble[] {
  const { value, href } = verification.residual
  if (value === null || value === 0) return []
  return [
    {
      ...nobody,
      id: 'residue',
      tone: 'bad',
      what: `${counted(value, 'request')} with residue`,
      why: 'A probe found records of a person who was to be erased.',
      endangers: value,
      endangersPage: pageOf(href),
      page: pageOf(href),
    },
  ]
}

function ofGroup(group: Group, lag: Lag, atRisk: AtRisk | null): Trouble[] {
  const stuck = stuckness(group)
  if (stuck === null) return []
  const since = sinceOf(lag.partitions.filter((one) => one.group === group.group))
  return [
    {
      id: `group ${group.group}`,
      ...stuck,
      ...since,
      endangers: endangeredBy(group.group, atRisk)?.length ?? null,
      endangersPage: `/at-risk?place=${encodeURIComponent(group.group)}`,
      page: '/lag',
    },
  ]
}

function stuckness({
  group,
  health,
  lag,
  catchUpMs,
  unknown,
}: Group): Pick<Trouble, 'tone' | 'what' | 'why'> | null {
  const waits =
    lag === null ? `its lag is unknown: ${reason(unknown['lag'])}` : `${counted(lag, 'message')} waiting`
  if (health === 'silent')
    return { tone: 'bad', what: `${group} is silent`, why: `Nobody works there; ${waits}.` }
  if (lag === null) return { tone: 'warn', what: `${group}: nothing is known`, why: `${sentence(waits)}.` }
  const why = unknown['catchUpMs']
  if (lag > 0 && catchUpMs === null && (why === 'not_catching_up' || why === 'standing_still'))
    return { tone: 'warn', what: `${group} falls behind`, why: `${sentence(waits)}, and ${reason(why)}.` }
  return null
}

/** One that works and does not erase, or can not use its store; who is silent is among the groups. */
function ofEraser(one: Erasers['items'][number], atRisk: AtRisk | null): Trouble[] {
  if (one.verdict !== 'unusable' && one.verdict !== 'failing') return []
  const failed = one.verdict === 'failing' && one.canary !== null ? one.canary : null
  const why =
    failed === null
      ? `${sentence(one.store === null ? 'nobody knows why' : plain(one.store))}.`
      : `A made-up person of a restore drill is not erased: ${canaryWords(failed).why}.`
  return [
    {
      id: `${one.verdict} ${one.group}`,
      tone: 'bad',
      what: `${one.group} ${verdictWords(one.verdict).text}`,
      why,
      since: failed?.at ?? null,
      // Nobody looked before the drill.
      atLeast: failed !== null,
      endangers: endangeredBy(one.group, atRisk)?.length ?? null,
      endangersPage: `/at-risk?place=${encodeURIComponent(one.group)}`,
      page: '/erasers',
    },
  ]
}

const sentence = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1)

/** Since the oldest message that waits came; of those without, since the position last moved. */
function sinceOf(partitions: readonly Partition[]): Pick<Trouble, 'since' | 'atLeast'> {
  const now = Date.now()
  const behind = partitions.filter(({ lag }) => lag !== 0)
  const waiting = behind.flatMap(({ lagMs, lagMsAtLeast }) =>
    lagMs !== null
      ? [{ since: now - lagMs, atLeast: false }]
      : lagMsAtLeast === null
        ? []
        : [{ since: now - lagMsAtLeast, atLeast: true }],
  )
  const [oldest] = waiting.sort((a, b) => a.since - b.since)
  return oldest ?? { since: null, atLeast: false }
}

function ofTheWay({ slots, connector }: Lag, atRisk: AtRisk | null): Trouble[] {
  const base = {
    ...nobody,
    endangers: endangeredBy('outbox', atRisk)?.length ?? null,
    endangersPage: '/at-risk?place=outbox',
    page: '/lag',
  }
  const found: Trouble[] = []
  const broken = (connector.tasks ?? []).filter(({ state }) => state !== 'RUNNING')
  if (connector.state === null)
    found.push({
      ...base,
      id: 'debezium',
      tone: 'warn',
      what: 'Debezium: nothing is known',
      why: `${sentence(reason(connector.unknown ?? undefined))}.`,
    })
  else if (connector.state !== 'RUNNING' || broken.length > 0)
    found.push({
      ...base,
      id: 'debezium',
      tone: 'bad',
      what:
        connector.state === 'RUNNING'
          ? 'Debezium does not work'
          : `Debezium is ${connector.state.toLowerCase()}`,
      why: `${counted(broken.length, 'task')} not running: nothing new is sent out.`,
    })
  if (slots === null)
    found.push({
      ...base,
      id: 'slots',
      tone: 'warn',
      what: 'Replication slot: nothing is known',
      why: 'PostgreSQL could not be asked.',
    })
  for (const { slot, active, walStatus } of slots ?? []) {
    if (walStatus === 'lost' || walStatus === 'unreserved')
      found.push({
        ...base,
        id: `slot ${slot}`,
        tone: 'bad',
        what: `Slot ${slot} is ${walStatus}`,
        why: 'PostgreSQL gives up the log it still needs.',
      })
    else if (!active)
      found.push({
        ...base,
        id: `slot ${slot}`,
        tone: 'bad',
        what: `Slot ${slot} has no reader`,
        why: 'What is committed is not sent out, and the log on disk grows.',
      })
  }
  return found
}

function ofTheRest({ gates, deadLetters, tasksOverdue, requests }: Overview): Trouble[] {
  const found: Trouble[] = []
  if (requests.overdue.value === null)
    found.push({
      ...nobody,
      id: 'requests',
      tone: 'warn',
      what: 'Requests: nothing is known',
      why: `${sentence(reason(requests.overdue.unknown ?? undefined))}.`,
      page: pageOf(requests.overdue.href),
    })
  if ((tasksOverdue.value ?? 0) > 0)
    found.push({
      ...nobody,
      id: 'tasks-overdue',
      tone: 'bad',
      what: `${counted(tasksOverdue.value ?? 0, 'request')} with an overdue task`,
      why: 'Somebody was to erase by hand, and the time for it has passed.',
      endangers: tasksOverdue.value,
      endangersPage: pageOf(tasksOverdue.href),
      page: pageOf(tasksOverdue.href),
    })
  if ((gates.shut.value ?? 0) > 0)
    found.push({
      ...nobody,
      id: 'gates',
      tone: 'bad',
      what: `${counted(gates.shut.value ?? 0, 'gate')} shut`,
      why: 'A store came back from a backup and is being erased again.',
      page: pageOf(gates.shut.href),
    })
  if (deadLetters.value === null)
    found.push({
      ...nobody,
      id: 'dead-letters',
      tone: 'warn',
      what: 'Dead letters: nothing is known',
      why: `${sentence(reason(deadLetters.unknown ?? undefined))}.`,
      page: pageOf(deadLetters.href),
    })
  else if (deadLetters.value > 0)
    found.push({
      ...nobody,
      id: 'dead-letters',
      tone: 'warn',
      what: counted(deadLetters.value, 'dead letter'),
      why: 'Messages that could not be worked on were set aside.',
      page: pageOf(deadLetters.href),
    })
  return found
}
