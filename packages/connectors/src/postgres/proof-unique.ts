import type { Unique } from './constraints.js'
import { type Ground, SAMPLES } from './proof-ground.js'

/** Hexadecimal digits that keep fresh values apart: with 16, two meet once in billions of rows. */
const APART = 16

type Part = Unique['parts'][number]

/** Fresh values and NULLs never meet; what everybody gets must stand beside something that differs. */
export async function proveUnique(ground: Ground, unique: Unique): Promise<void> {
  const { name, parts, predicate, predicateColumns } = unique
  const [first] = ground.touched([...parts.flatMap(({ columns }) => columns), ...predicateColumns])
  if (first === undefined) return
  const replaced = parts.filter(({ columns }) => columns.every((column) => ground.changes.has(column)))
  for (const part of replaced) {
    if (!unique.nullsEqual && (await isNull(ground, part))) return
    if (await differs(ground, part)) return apart(ground, unique, part)
  }
  if (predicate !== null && (await leaves(ground, predicate, predicateColumns))) return
  const kept = parts.filter((part) => !replaced.includes(part))
  const refuse = () =>
    ground.report(
      first,
      'replacement_not_unique',
      `Unique index ${name}: two people would get the same value. Use { random: … }, or null.`,
    )
  if (kept.every(({ columns }) => columns.every((column) => isTenant(ground, column)))) return refuse()
  const asked = await ground.ask(meetings(ground, unique, kept))
  if (!asked.ok) return ground.unproven(first, `Unique index ${name}`, asked.code)
  if (asked.rows > 0) return refuse()
  if (!coveredElsewhere(ground, unique, kept)) ground.unproven(first, `Unique index ${name}`)
}

async function isNull(ground: Ground, { text, columns }: Part): Promise<boolean> {
  if (!ground.kinds(columns).includes('null')) return false
  const asked = await ground.ask(`SELECT count(${text}) FROM ${ground.fresh()}`)
  return asked.ok && asked.rows === 0
}

async function differs(ground: Ground, { text, columns }: Part): Promise<boolean> {
  if (!ground.kinds(columns).includes('random')) return false
  const asked = await ground.ask(`SELECT count(DISTINCT ${text}) FROM ${ground.fresh()}`)
  return asked.ok && asked.rows === SAMPLES
}

/** Whether redacted rows leave a partial index. */
async function leaves(ground: Ground, predicate: string, columns: readonly string[]): Promise<boolean> {
  const kinds = ground.kinds(columns)
  if (kinds.some((kind) => kind === undefined || kind === 'repointed' || kind === 'document')) return false
  const asked = await ground.ask(`SELECT count(*) FROM ${ground.fresh()} WHERE ${predicate}`)
  return asked.ok && asked.rows === 0
}

/** Groups of today's rows that would meet if all of them were redacted. */
function meetings(ground: Ground, { predicate, nullsEqual }: Unique, kept: readonly Part[]): string {
  const names = kept.map(({ text }) => text)
  const filled = nullsEqual ? [] : names.map((text) => `${text} IS NOT NULL`)
  const where = ['true', ...(predicate === null ? [] : [predicate]), ...filled].join(' AND ')
  return `SELECT count(*) FROM (SELECT 1 FROM ${ground.redacted()} WHERE ${where}
    GROUP BY ${names.join(', ')} HAVING count(*) > 1) AS met`
}

/** What stays is unique by itself. */
function coveredElsewhere({ constraints }: Ground, unique: Unique, kept: readonly Part[]): boolean {
  return constraints.uniques.some(
    (other) =>
      other !== unique &&
      other.predicate === null &&
      other.parts.every(({ text }) => kept.some((part) => part.text === text)),
  )
}

function isTenant({ target }: Ground, column: string): boolean {
  return target.tenant?.of === 'table' && target.tenant.column.name === column
}

/** A unique column needs fresh values long enough never to meet. */
function apart(ground: Ground, { name }: Unique, { columns }: Part): void {
  const random = columns.filter((column) => ground.kinds([column])[0] === 'random')
  const [shortest] = random
  if (shortest === undefined || Math.max(...random.map((column) => digits(ground, column))) >= APART) return
  const base = ground.target.table.columns.get(shortest)?.base
  const message = `Unique index ${name}: a column of this type and length leaves few fresh values; where two meet, that person fails.`
  ground.report(shortest, 'replacement_collides', message, base === 'int4' ? 'warning' : 'error')
}

function digits({ target }: Ground, name: string): number {
  const column = target.table.columns.get(name)
  const value = target.element.set?.[name]
  if (!column || value === null || typeof value !== 'object') return 0
  if (value.random === 'uuid') return 32
  // 2^53 values are what random() can tell apart.
  if (value.random === 'int') return { int2: 3, int4: 7 }[column.base] ?? APART
  const room = column.maxLength === null ? 32 : column.maxLength - 7 - (value.random === 'email' ? 15 : 0)
  return Math.min(32, room)
}
