import type { TaskView } from '@lethe/domain'
import type { Caller, Role } from '@lethe/service-host'

/** What people do with one request; `request` decides whether it may be done now. */
export const bulkVerbs = [
  'approve',
  'refuse',
  'hold',
  'release',
  'extend',
  'cancel',
  'retry',
  'reprobe',
] as const
/** With a task that a person does by hand: one at a time, for each is somebody's own to do. */
export const taskVerbs = ['take', 'attest', 'evidence'] as const
export const verbs = [...bulkVerbs, ...taskVerbs] as const
export type BulkVerb = (typeof bulkVerbs)[number]
export type TaskVerb = (typeof taskVerbs)[number]
export type Verb = BulkVerb | TaskVerb
export type Action = 'look' | 'read' | 'look_into' | 'redrive' | 'find_person' | 'where' | 'check_map' | Verb

const officers: readonly Role[] = ['privacy_officer', 'admin']
const operators: readonly Role[] = ['operator', ...officers]
const staff: readonly Role[] = ['viewer', ...operators]

const allowed: Readonly<Record<Action, readonly Role[]>> = {
  /** Lag, overview, erasers, gates, dead letters: the machine, not a person. */
  look: staff,
  /** Requests, of the caller's own tenants. */
  read: staff,
  /** What a dead letter holds. */
  look_into: operators,
  redrive: operators,
  check_map: operators,
  /** Naming a person, to find their requests and the sources that hold them. */
  find_person: officers,
  where: officers,
  cancel: operators,
  retry: operators,
  reprobe: operators,
  /** The data map says which role a task wants at least; `request` keeps to it. */
  take: operators,
  attest: operators,
  /** What somebody gave as evidence may name people. */
  evidence: officers,
  approve: officers,
  refuse: officers,
  hold: officers,
  release: officers,
  extend: officers,
}

export const may = (caller: Caller, action: Action): boolean =>
  caller.roles.some((role) => allowed[action].includes(role))

/** What the caller may do with a task now; `role` is the least the data map wants for it. */
export function taskActions(
  caller: Caller,
  task: Pick<TaskView, 'role' | 'state' | 'taken'>,
): readonly TaskVerb[] {
  const done = task.state === 'attested'
  const when: Readonly<Record<TaskVerb, boolean>> = {
    take: task.state === 'open',
    attest: !done && task.taken !== null,
    evidence: done,
  }
  const enough = task.role === 'admin' ? ['admin'] : task.role === 'operator' ? operators : officers
  const has = caller.roles.some((role) => (enough as readonly string[]).includes(role))
  return taskVerbs.filter((verb) => when[verb] && has && may(caller, verb))
}

/** The roles that may, the least first. */
export const rolesFor = (action: Action): readonly Role[] => allowed[action]

/** The caller's tenants, as the read models' queries take them. */
export const scopeOf = (caller: Caller): readonly string[] | '*' =>
  caller.tenants.includes('*') ? '*' : caller.tenants
