/** The columns of the list by their ids; those of `usual` are shown where the address names none. */
export const columnIds = [
  'status',
  'due',
  'received',
  'systems',
  'tenant',
  'regime',
  'todo',
  'ground',
  'channel',
  'erased',
  'completed',
  'clear',
] as const

export const usual: readonly string[] = columnIds.slice(0, 7)

/** What the address asks for, in the order the columns have. */
export function chosenColumns(filter: URLSearchParams): readonly string[] {
  const asked = filter.get('columns')?.split(',')
  return asked === undefined ? usual : columnIds.filter((id) => asked.includes(id))
}

/** For the address; empty when it is what is shown anyway. */
export const columnsText = (chosen: readonly string[]): string =>
  chosen.join() === usual.join() ? '' : columnIds.filter((id) => chosen.includes(id)).join(',')
