import type { Catalogue } from './catalogue.js'
import type { Target } from './targets.js'

export type Operation = 'delete' | 'redact' | 'detach' | 'reassign' | 'mask'

/** One statement's worth of work: an element, and for retained ones which of its rows. */
export interface Change {
  readonly target: Target
  readonly operation: Operation
  /** `ended`: rows whose retention is over; `running`: rows still retained; `any`: all. */
  readonly rows: 'any' | 'ended' | 'running'
}

/** Changes that run together: a cycle of foreign keys is deleted in one statement. */
export type Group = readonly Change[]

export function changesOf(targets: readonly Target[]): Change[] {
  return targets.flatMap((target): Change[] => {
    const masks: Change[] = target.mention ? [{ target, operation: 'mask', rows: 'any' }] : []
    return [...ownChanges(target), ...masks]
  })
}

function ownChanges(target: Target): Change[] {
  const { method, retain, set, json } = target.element
  // Only the texts of others are changed where neither set: nor json: says what of their own is.
  if (method === 'redact' && !set && !json) return []
  if (method === 'delete') return [{ target, operation: 'delete', rows: 'any' }]
  if (method === 'reassign') {
    const given: Change = { target, operation: 'reassign', rows: 'any' }
    // What nobody took over is still the person's when the delete comes.
    return target.element.else ? [given, { target, operation: 'delete', rows: 'any' }] : [given]
  }
  const update = method === 'redact' || method === 'detach' ? method : null
  if (!retain) return update ? [{ target, operation: update, rows: 'any' }] : []
  const ended: Change[] = retain.until ? [{ target, operation: 'delete', rows: 'ended' }] : []
  return update ? [...ended, { target, operation: update, rows: retain.until ? 'running' : 'any' }] : ended
}

/**
 * Orders changes so that no row goes before what points to it: children before parents, whatever reads a
 * table before what changes it, updates before deletes of the same table. What foreign keys tie into a
 * cycle (also a table that points to itself) becomes one group.
 */
export function order(targets: readonly Target[], catalogue: Catalogue): Group[] {
  const changes = changesOf(targets)
  const after = changes.map((later) =>
    changes.flatMap((earlier, index) =>
      earlier !== later && precedes(earlier, later, catalogue) ? [index] : [],
    ),
  )
  return components(after).map((members) => members.map((index) => changes[index] as Change))
}

function precedes(earlier: Change, later: Change, catalogue: Catalogue): boolean {
  const from = earlier.target
  const to = later.target.table.oid
  if (from.table.oid === to) {
    if (later.operation !== 'delete') return keepsFinding(earlier, later)
    return earlier.operation !== 'delete' || pointsToItself(to, catalogue)
  }
  if (from.takeover && [from.takeover.owner?.table.oid, from.takeover.shared?.table.oid].includes(to))
    return true
  if (from.holder.oid === to || from.guard?.table.oid === to) return true
  if (later.operation !== 'delete') return false
  return catalogue.references.some((key) => key.child === from.table.oid && key.parent === to)
}

/** Of two updates of one table, the one that overwrites the column its rows are found by comes last. */
function keepsFinding(earlier: Change, later: Change): boolean {
  return losesRows(later) && !losesRows(earlier)
}

function losesRows({ target, operation }: Change): boolean {
  if (operation === 'detach' || operation === 'reassign') return true
  return operation === 'redact' && !target.via && target.by.name in (target.element.set ?? {})
}

function pointsToItself(table: number, catalogue: Catalogue): boolean {
  return catalogue.references.some((key) => key.child === table && key.parent === table)
}

/** Tarjan's strongly connected components; `after[i]` lists what must come before i. Dependencies come first. */
function components(after: readonly (readonly number[])[]): number[][] {
  const found: number[][] = []
  const index = new Map<number, number>()
  const low = new Map<number, number>()
  const stack: number[] = []
  const visit = (node: number): void => {
    const at = index.size
    index.set(node, at)
    low.set(node, at)
    stack.push(node)
    for (const next of after[node] ?? []) {
      if (!index.has(next)) visit(next)
      if (stack.includes(next)) low.set(node, Math.min(low.get(node) ?? at, low.get(next) ?? at))
    }
    if (low.get(node) !== at) return
    const members: number[] = []
    for (let member = stack.pop(); member !== undefined; member = stack.pop()) {
      members.push(member)
      if (member === node) break
    }
    found.push(members.sort((left, right) => left - right))
  }
  for (let node = 0; node < after.length; node++) if (!index.has(node)) visit(node)
  return found
}
