import type { Position } from '../event-store.js'

/** Where KurrentDB says a record stands in its log. */
export interface LogPosition {
  readonly commit: bigint
  readonly prepare: bigint
}

export function positionOf({ commit, prepare }: LogPosition): Position {
  return `${commit}/${prepare}`
}

/** Throws TypeError on a position that another store gave. */
export function readPosition(position: Position): LogPosition {
  const [, commit, prepare] = /^(\d+)\/(\d+)$/.exec(position) ?? []
  if (commit === undefined || prepare === undefined)
    throw new TypeError('this position was not given by KurrentDB')
  return { commit: BigInt(commit), prepare: BigInt(prepare) }
}

/** Records written together share `commit` and differ in `prepare`. */
export function comparePositions(a: LogPosition, b: LogPosition): number {
  const [left, right] = a.commit === b.commit ? [a.prepare, b.prepare] : [a.commit, b.commit]
  return left < right ? -1 : left > right ? 1 : 0
}
