import type { RequestState } from '@lethe/domain'
import { marksOf } from './marks.js'

/** Which tenants the caller may see; `'*'` is all of them, an empty list nothing. */
export type TenantScope = readonly string[] | '*'

export function scopeParameter(tenants: TenantScope): readonly string[] | null {
  return tenants === '*' ? null : tenants
}

export interface RequestFilter {
  readonly tenants: TenantScope
  readonly statuses?: readonly string[]
  /** Only these, for callers that looked up digests in the vault. */
  readonly requestIds?: readonly string[]
  /** Only requests whose plan has this system. */
  readonly systemId?: string
  readonly regimes?: readonly string[]
  /** Epoch milliseconds, inclusive. */
  readonly dueFrom?: number
  /** Epoch milliseconds, exclusive. */
  readonly dueBefore?: number
  /** Only those in which a task waits for a person to do it, or those in which none does. */
  readonly taskOpen?: boolean
  /** Only those in which a task waits that was to be done before this moment, epoch milliseconds. */
  readonly taskDueBefore?: number
  /** Gone from every live system, or not yet. */
  readonly liveErased?: boolean
  /** Gone from every backup as well, or not yet. */
  readonly backupClear?: boolean
}

/** The parameters of one statement, each named by where it stands. */
export class Parameters {
  readonly values: unknown[] = []

  add(value: unknown): string {
    this.values.push(value)
    return `$${this.values.length}`
  }
}

/** A condition on `request`, a row of the read model, as SQL. */
export type Condition = (parameters: Parameters) => string

const ALL_STATUSES: Readonly<Record<RequestState['status'], true>> = {
  PENDING: true,
  AWAITING_IDENTITY: true,
  AWAITING_APPROVAL: true,
  SCHEDULED: true,
  IN_PROGRESS: true,
  AWAITING_VERIFICATION: true,
  COMPLETED: true,
  PARTIALLY_COMPLETED: true,
  FAILED: true,
  ON_HOLD: true,
  REFUSED: true,
  CANCELLED: true,
}

/** What the indexes of the list begin with. */
export interface Cell {
  readonly tenantId: string | null
  readonly status: string
  readonly liveErased: boolean
  readonly backupClear: boolean
  /** Whether the request has a plan, and so systems. */
  readonly planned: boolean
}

/** A cell that is empty costs a look into an index, some twenty microseconds. */
const MOST_CELLS = 2_000

/**
 * The cells that hold what a filter asks for, whichever of them there are; null where it names nothing of them. Of
 * more tenants than can be gone through one by one the cells are those of all tenants.
 */
export interface Cells {
  readonly all: readonly Cell[] | null
  readonly byTenant: boolean
}

export function cellsOf({ tenants, statuses, systemId, liveErased, backupClear }: RequestFilter): Cells {
  const either = (wanted: boolean | undefined) => (wanted === undefined ? [true, false] : [wanted])
  const named = statuses ?? Object.keys(ALL_STATUSES)
  const perTenant = [...new Set(named)].flatMap((status) =>
    either(liveErased).flatMap((live) =>
      either(backupClear).flatMap((clear) =>
        either(systemId === undefined ? undefined : true).map((planned) => ({
          status,
          liveErased: live,
          backupClear: clear,
          planned,
        })),
      ),
    ),
  )
  const own = tenants === '*' ? [] : [...new Set(tenants)]
  const byTenant = tenants !== '*' && own.length * perTenant.length <= MOST_CELLS
  if (byTenant)
    return { byTenant, all: own.flatMap((tenantId) => perTenant.map((one) => ({ tenantId, ...one }))) }
  const names = statuses !== undefined || liveErased !== undefined || backupClear !== undefined
  return { byTenant, all: names ? perTenant.map((one) => ({ tenantId: null, ...one })) : null }
}

/** The cells as rows of a table `cell`, numbered from one. */
export function cellTable(cells: readonly Cell[], parameters: Parameters): string {
  const columns = [
    `${parameters.add(cells.map(({ tenantId }) => tenantId))}::text[]`,
    `${parameters.add(cells.map(({ status }) => status))}::text[]`,
    `${parameters.add(cells.map(({ liveErased }) => liveErased))}::boolean[]`,
    `${parameters.add(cells.map(({ backupClear }) => backupClear))}::boolean[]`,
    `${parameters.add(cells.map(({ planned }) => planned))}::boolean[]`,
  ]
  return `unnest(${columns.join(', ')}) WITH ORDINALITY
    AS cell (tenant_id, status, live_erased, backup_clear, planned, n)`
}

/** Of the cell that is looked at. */
export const inCell = (byTenant: boolean): string =>
  `${byTenant ? 'request.tenant_id = cell.tenant_id AND ' : ''}request.status = cell.status
    AND (request.live_erased_at IS NOT NULL) = cell.live_erased AND request.backup_clear = cell.backup_clear
    AND (request.system_marks <> 0) = cell.planned`

/** Of one cell that is known. As a constant, `= false` would be turned into a condition that is not the index's. */
export const inThisCell =
  ({ tenantId, status, liveErased, backupClear, planned }: Cell): Condition =>
  (given) =>
    `${tenantId === null ? '' : `request.tenant_id = ${given.add(tenantId)}::text AND `}request.status = ${given.add(status)}::text
      AND (request.live_erased_at IS NOT NULL) = (SELECT ${liveErased}) AND request.backup_clear = ${backupClear}
      AND (request.system_marks <> 0) = (SELECT ${planned})`

const when = <Value>(value: Value | undefined, condition: (value: Value) => Condition): Condition[] =>
  value === undefined ? [] : [condition(value)]
const listed =
  (column: string) =>
  (words: readonly string[]): Condition =>
  (given) =>
    `request.${column} = ANY (${given.add(words)}::text[])`

export const tenantCondition = ({ tenants }: RequestFilter): Condition[] =>
  tenants === '*' ? [] : [listed('tenant_id')(tenants)]

export const dueConditions = ({ dueFrom, dueBefore }: RequestFilter): Condition[] => [
  ...when(dueFrom, (at) => (given) => `request.due_at >= ${given.add(at)}::bigint`),
  ...when(dueBefore, (at) => (given) => `request.due_at < ${given.add(at)}::bigint`),
]

/** What the cells name. */
export const cellConditions = (filter: RequestFilter): Condition[] => [
  ...tenantCondition(filter),
  ...when(filter.statuses, listed('status')),
  ...when(
    filter.liveErased,
    (is) => (given) => `(request.live_erased_at IS NOT NULL) = ${given.add(is)}::boolean`,
  ),
  ...when(filter.backupClear, (is) => (given) => `request.backup_clear = ${given.add(is)}::boolean`),
]

const ofStep = 'FROM read_model.steps AS step WHERE step.request_id = request.request_id'
/** The condition of the index that holds nothing but open tasks. */
const OPEN_TASK = "step.detail #>> '{task,state}' = 'open'"

export const regimeCondition = ({ regimes }: RequestFilter): Condition[] => when(regimes, listed('regime'))
/** As a set that is made once, and not asked of every request. */
export const taskConditions = ({ taskOpen }: RequestFilter): Condition[] =>
  taskOpen === false
    ? [
        () =>
          `request.request_id NOT IN (SELECT step.request_id FROM read_model.steps AS step WHERE ${OPEN_TASK})`,
      ]
    : []

/** The marks are in every index, and tell of most requests that they do not have the system. */
export const systemCondition = ({ systemId }: RequestFilter): Condition[] =>
  when(systemId, (id) => (given) => {
    const marks = `${given.add(marksOf([id]))}::bigint`
    // Not as EXISTS: for a few hundred requests a planner would read all there are of that system.
    return `request.system_marks & ${marks} = ${marks}
      AND (SELECT count(*) ${ofStep} AND step.system_id = ${given.add(id)}::text) > 0`
  })

/** What gives the requests by itself, a handful of them; none where nothing of it is asked for. */
export const fewConditions = (filter: RequestFilter): Condition[] => [
  ...when(filter.requestIds, listed('request_id')),
  ...(filter.taskOpen === true ? [() => stepsWith(OPEN_TASK)] : []),
  ...when(
    filter.taskDueBefore,
    (at) => (given) =>
      stepsWith(`${OPEN_TASK} AND (step.detail #>> '{task,dueAt}')::bigint < ${given.add(at)}::bigint`),
  ),
]

/** Of a system that few requests have. */
export const ofSystem =
  (systemId: string): Condition =>
  (given) =>
    stepsWith(`step.system_id = ${given.add(systemId)}::text`)

/** Steps first: a planner that does not know how few they are would ask every request. */
const stepsWith = (condition: string): string =>
  `request.request_id = ANY (ARRAY(SELECT step.request_id FROM read_model.steps AS step WHERE ${condition}))`

/** Everything but what cells name, in a form that leaves it to the planner where to begin. */
export const beyondCells = (filter: RequestFilter): Condition[] => [
  ...fewConditions(filter),
  ...dueConditions(filter),
  ...regimeCondition(filter),
  ...when(
    filter.systemId,
    (id) => (given) => `EXISTS (SELECT ${ofStep} AND step.system_id = ${given.add(id)}::text)`,
  ),
  ...taskConditions(filter),
]

export const allConditions = (filter: RequestFilter): Condition[] => [
  ...cellConditions(filter),
  ...beyondCells(filter),
]

export const joined = (conditions: readonly Condition[], parameters: Parameters): string =>
  conditions.length === 0 ? 'true' : conditions.map((condition) => condition(parameters)).join(' AND ')
