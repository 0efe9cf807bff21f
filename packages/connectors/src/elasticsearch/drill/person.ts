import { randomInt } from 'node:crypto'
import { type DrillContext, type Identifier, TerminalError } from '@lethe/eraser-kit'
import { z } from 'zod'
import { madeUp } from '../../drill-tools/made-up.js'
import { StoreError } from '../errors.js'
import type { ElasticsearchSystem } from '../grammar.js'
import type { ElasticsearchOptions } from '../options.js'
import { IndexRefused, targetError } from '../refusals.js'
import type { Store } from '../store.js'
import { jobsOf, type Target, targetsFor, type Way } from '../targets.js'

export type ElasticsearchDrill = DrillContext<ElasticsearchOptions, ElasticsearchSystem>

/** One document of the made-up person. */
export interface Planted {
  readonly index: string
  readonly id: string
  readonly source: Readonly<Record<string, unknown>>
}

/** How the made-up person is known, and their documents: one by every way of the map to what is deleted. */
export interface MadeUpPerson {
  readonly identifiers: readonly Identifier[]
  readonly documents: readonly Planted[]
}

/**
 * Changes nothing. What is redacted or kept for a while would stay in the index after every drill, so nobody is put in
 * there.
 *
 * @param same identifiers another system gave that person; none: they are made up here
 * @throws TerminalError when the data map leads to no document a drill could put in
 */
export async function madeUpPerson(
  store: Store,
  drill: ElasticsearchDrill,
  tenantId: string,
  same: readonly Identifier[] = [],
): Promise<MadeUpPerson> {
  const ways = await waysOf(store, drill, tenantId)
  const { canonical, drillId } = drill
  // Whole numbers fit into both kinds of field.
  const value = ways.some(([, { field }]) => field.holds === 'integer')
    ? String(randomInt(2_000_000_000, 2_147_000_000))
    : madeUp(drillId)
  const identifiers = same.length > 0 ? same : [{ type: canonical, value }]
  const documents = ways.flatMap(([target, way], at): Planted[] => {
    const own = identifiers.find(({ type }) => type === way.identifier)
    if (own === undefined) return []
    const source = sourceOf(drill, target, way, own.value, tenantId)
    return [{ index: target.index, id: `lethe-drill-${drillId}-${at}`, source }]
  })
  if (documents.length === 0)
    throw new TerminalError(
      'drill_no_person',
      `No index of the data map with method: delete names people by {${canonical}}: a drill could put nobody in.`,
    )
  return { identifiers, documents }
}

async function waysOf(
  store: Store,
  { system, tenant, canonical }: ElasticsearchDrill,
  tenantId: string,
): Promise<(readonly [Target, Way])[]> {
  const jobs = jobsOf(system)
  const rules = { tenant, canonical, now: Date.now() }
  const targets = (await targetsFor(store, jobs, [tenantId], rules)).get(tenantId)
  if (targets instanceof IndexRefused) throw targetError(targets.code, targets.where)
  if (targets === undefined || targets === 'unknown_tenant' || targets.length === 0)
    throw new TerminalError(
      'drill_no_person',
      'No index of the data map is of the tenant of drills: set LETHE_DRILL_TENANT to a tenant that may stand in the names of indices, and make its indices as those of the others are.',
    )
  return targets.flatMap((target) =>
    target.method === 'delete' ? target.ways.map((way) => [target, way] as const) : [],
  )
}

function sourceOf(
  { tenant, system, values }: ElasticsearchDrill,
  target: Target,
  way: Way,
  value: string,
  tenantId: string,
): Readonly<Record<string, unknown>> {
  const source: Record<string, unknown> = {}
  const element = system.indices.find(
    ({ name, by, method }) => name === target.collection && by === way.by && method === 'delete',
  )
  if (element?.createdAt) put(source, element.createdAt, new Date(Date.now() - 60_000).toISOString())
  for (const [path, wanted] of Object.entries(values)) put(source, path, wanted)
  if (target.tenantField !== null && 'column' in tenant) put(source, tenant.column, tenantId)
  const number = Number(value)
  const fits = way.field.holds === 'integer' && Number.isSafeInteger(number)
  put(source, way.by, fits ? number : value)
  return source
}

/** At a dotted path, with objects on the way. */
function put(record: Record<string, unknown>, path: string, value: unknown): void {
  const [first = '', ...rest] = path.split('.')
  if (rest.length === 0) {
    record[first] = value
    return
  }
  const inner = record[first]
  const object = typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>) : {}
  record[first] = object
  put(object, rest.join('.'), value)
}

/** Of a document that does not fit only its index is told. */
export async function plant(store: Store, { index, id, source }: Planted): Promise<void> {
  try {
    await store.call(z.unknown(), {
      method: 'PUT',
      path: `/${encodeURIComponent(index)}/_create/${encodeURIComponent(id)}`,
      query: { refresh: true },
      body: source,
    })
  } catch (error) {
    if (!(error instanceof StoreError) || error.status !== 400) throw error
    throw new TerminalError(
      'drill_value_missing',
      `A made-up person does not fit ${index} (${error.kind}): say what to write into which field in LETHE_DRILL_VALUES.`,
    )
  }
}

const found = z.object({
  docs: z.array(
    z.object({ _index: z.string(), found: z.boolean().optional(), error: z.unknown().optional() }),
  ),
})

/**
 * How many of these documents there are. Asked by their ids and outside the search, so neither an erasure that selects
 * wrongly nor a probe that looks wrongly can hide one.
 */
export async function countOf(store: Store, documents: readonly Planted[]): Promise<number> {
  const { docs } = await store.call(found, {
    method: 'POST',
    path: '/_mget',
    query: { _source: false },
    body: { docs: documents.map(({ index, id }) => ({ _index: index, _id: id })) },
  })
  const missing = docs.find(({ error }) => error !== undefined)
  if (missing !== undefined || docs.length !== documents.length)
    throw new TerminalError(
      'missing_index',
      `The restored copy has no ${missing?._index ?? 'such documents'}, so nobody can be looked for in it.`,
    )
  return docs.filter((one) => one.found === true).length
}
