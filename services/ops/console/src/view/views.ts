const OPEN =
  'PENDING,AWAITING_IDENTITY,AWAITING_APPROVAL,SCHEDULED,IN_PROGRESS,AWAITING_VERIFICATION,PARTIALLY_COMPLETED,FAILED,ON_HOLD'
const MINUTE = 60_000
const WEEK = 7 * 86_400_000

/** A list that has a name of its own: `view=<id>` in the address. What else stands there narrows it further. */
export interface View {
  readonly id: string
  readonly title: string
  /** @param now epoch milliseconds, a whole minute: the same list within it */
  filter(now: number): Readonly<Record<string, string>>
}

export const views: readonly View[] = [
  {
    id: 'waiting',
    title: 'Waiting for somebody',
    filter: () => ({
      status: 'AWAITING_IDENTITY,AWAITING_APPROVAL,PARTIALLY_COMPLETED,FAILED',
      order: 'due',
    }),
  },
  {
    id: 'overdue',
    title: 'Overdue',
    filter: (now) => ({ status: OPEN, dueBefore: String(now), order: 'due' }),
  },
  {
    id: 'due-this-week',
    title: 'Due this week',
    filter: (now) => ({ status: OPEN, dueFrom: String(now), dueBefore: String(now + WEEK), order: 'due' }),
  },
  { id: 'tasks', title: 'Tasks for a person', filter: () => ({ taskOpen: 'true', order: 'due' }) },
  { id: 'tasks-overdue', title: 'Overdue tasks', filter: () => ({ taskOverdue: 'true', order: 'due' }) },
  { id: 'on-hold', title: 'On hold', filter: () => ({ status: 'ON_HOLD', order: 'due' }) },
  { id: 'failed', title: 'Failed', filter: () => ({ status: 'FAILED', order: 'due' }) },
  {
    id: 'in-backups',
    title: 'Still in backups',
    filter: () => ({ liveErased: 'true', backupClear: 'false' }),
  },
]

/** The filter that the service is asked by: the view's, and over it what the address says besides. */
export function expanded(filter: URLSearchParams, now: number): URLSearchParams {
  const view = views.find(({ id }) => id === filter.get('view'))
  const asked = new URLSearchParams(view?.filter(Math.floor(now / MINUTE) * MINUTE) ?? {})
  for (const [name, value] of filter) if (name !== 'view' && name !== 'columns') asked.set(name, value)
  return asked
}

export interface SavedView {
  readonly name: string
  /** Of the list, with its filter. */
  readonly address: string
}

const KEY = 'lethe-views'
const MOST = 30
/** A name of a list is a few words. It stays in this browser and stands in no address. */
export const isViewName = (text: string): boolean => /^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,39}$/u.test(text)

/** The views somebody named in this browser; what can't be read is none. @param kept what the storage holds */
export function savedViews(kept: string | null): SavedView[] {
  try {
    const given: unknown = JSON.parse(kept ?? '[]')
    if (!Array.isArray(given)) return []
    return given.flatMap((one: Partial<SavedView> | null) =>
      typeof one?.name === 'string' &&
      isViewName(one.name) &&
      typeof one.address === 'string' &&
      /^\/requests(\?[A-Za-z0-9_.,%=&+-]*)?$/.test(one.address)
        ? [{ name: one.name, address: one.address }]
        : [],
    )
  } catch {
    return []
  }
}

/** With one more, the newest last; one of the same name is replaced. */
export const withView = (all: readonly SavedView[], one: SavedView): SavedView[] =>
  [...all.filter(({ name }) => name !== one.name), one].slice(-MOST)

export function readViews(): SavedView[] {
  try {
    return savedViews(window.localStorage.getItem(KEY))
  } catch {
    // A browser that keeps nothing for this page has no views of its own either.
    return []
  }
}

export function keepViews(all: readonly SavedView[]): void {
  if (all.length === 0) window.localStorage.removeItem(KEY)
  else window.localStorage.setItem(KEY, JSON.stringify(all))
}
