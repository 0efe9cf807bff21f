import type { Description, Finding } from '@lethe/eraser-kit'
import { z } from 'zod'
import { grantsFor } from './grants.js'
import { allFields, type MappedField } from './mapping.js'
import type { Store } from './store.js'
import { type ElasticsearchContext, indicesOf, type Job, problemsOf } from './targets.js'

const PERSONAL =
  /(^|[._-])(e_?mail|phone|mobile|first_?name|last_?name|full_?name|birth|address|ssn|passport|iban|ip)/i

/** What `map check` has to say of this system. Reads mappings only. */
export async function describe(
  store: Store,
  jobs: readonly Job[],
  context: ElasticsearchContext,
): Promise<Description> {
  const findings: Finding[] = []
  const mapped = new Map<string, Set<string>>()
  for (const job of jobs) {
    const where = job.name.text
    const { looked, problems } = await problemsOf(store, job, context)
    const path = ['indices', context.system.indices.findIndex(({ name }) => name === where)]
    for (const { code, where: at, message } of problems)
      findings.push({ level: 'error', code, where: at, message: `${message}.`, path })
    if (looked === 0) findings.push({ level: 'warning', code: 'no_index', where, message: NO_INDEX, path })
    for (const [index] of await indicesOf(store, job.name)) {
      const fields = mapped.get(index) ?? new Set()
      for (const { by, set } of job.elements)
        for (const field of [by, ...Object.keys(set ?? {})]) fields.add(field)
      mapped.set(index, fields)
    }
  }
  const deleted = new Set<string>()
  // What is retained is kept whole, and goes whole.
  for (const { name, method } of jobs)
    if (method !== 'redact') for (const [index] of await indicesOf(store, name)) deleted.add(index)
  const collections = await everyIndex(store)
  for (const { name, fields } of collections) {
    if (deleted.has(name)) continue
    for (const field of fields.filter((one) => PERSONAL.test(one) && !mapped.get(name)?.has(one)))
      findings.push({
        level: 'warning',
        code: 'personal_unmapped',
        where: `${name}.${field}`,
        message: PERSONAL_UNMAPPED,
      })
  }
  return {
    version: `${store.flavour} ${store.version}`,
    collections,
    findings,
    grants: grantsFor(store.flavour, jobs),
  }
}

const NO_INDEX = 'No index is called so for any tenant: correct the name if there ought to be one.'
const PERSONAL_UNMAPPED =
  'This field looks personal and the map says nothing of it: map its index, or redact it too.'

const mappings = z.record(
  z.string(),
  z.object({ mappings: z.object({ properties: z.record(z.string(), z.unknown()).default({}) }) }),
)

async function everyIndex(store: Store): Promise<{ name: string; fields: string[] }[]> {
  const answer = await store.callIfThere(mappings, {
    method: 'GET',
    path: '/_mapping',
    query: { expand_wildcards: 'open' },
  })
  return Object.entries(answer ?? {})
    .filter(([name]) => !name.startsWith('.') && !name.startsWith('lethe-'))
    .map(([name, info]) => ({
      name,
      fields: allFields(info.mappings.properties as Readonly<Record<string, MappedField>>),
    }))
    .sort((left, right) => (left.name < right.name ? -1 : 1))
}
