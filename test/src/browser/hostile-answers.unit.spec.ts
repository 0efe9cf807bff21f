import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { answers } from './hostile-answers.js'

/** As much of a JSON Schema as the document of ops uses to say which fields an answer has. */
interface Schema {
  readonly $ref?: string
  readonly anyOf?: readonly Schema[]
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
}

interface Operation {
  readonly responses: Readonly<Record<string, { content?: Record<string, { schema: Schema }> }>>
}

const document = JSON.parse(
  readFileSync(new URL('../../../schemas/ops.openapi.json', import.meta.url), 'utf8'),
) as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components?: { readonly schemas?: Readonly<Record<string, Schema>> }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Paths of the fields that the service always sends and a value lacks. */
function lacking(schema: Schema, value: unknown, at: string): string[] {
  if (schema.$ref !== undefined) {
    const named = document.components?.schemas?.[schema.$ref.split('/').at(-1) ?? '']
    return named === undefined ? [`${at}: ${schema.$ref}`] : lacking(named, value, at)
  }
  if (schema.anyOf !== undefined) {
    const each = schema.anyOf.map((one) => lacking(one, value, at))
    return each.toSorted((a, b) => a.length - b.length)[0] ?? []
  }
  if (Array.isArray(value)) return value.flatMap((one, n) => lacking(schema.items ?? {}, one, `${at}[${n}]`))
  if (!isObject(value)) return []
  const missing = (schema.required ?? []).filter((key) => !(key in value)).map((key) => `${at}.${key}`)
  const deeper = Object.entries(schema.properties ?? {})
    .filter(([key]) => key in value)
    .flatMap(([key, one]) => lacking(one, value[key], `${at}.${key}`))
  return [...missing, ...deeper]
}

const answered = Object.entries(document.paths).flatMap(([path, operations]) =>
  Object.entries(operations).flatMap(([method, { responses }]) => {
    const schema = Object.entries(responses)
      .filter(([status]) => status.startsWith('2'))
      .map(([, { content }]) => content?.['application/json']?.schema)[0]
    const example = path.replaceAll(/\{[^}]+\}/g, 'one')
    const hostile = answers.find(([pattern]) => pattern.test(example))
    // A call that only tells of success is answered with whatever its path happens to match.
    const meant = method === 'get' || hostile?.[0].source.includes(path.split('/').at(-1) ?? path)
    return schema && hostile && meant ? [{ name: `${method} ${path}`, schema, value: hostile[1] }] : []
  }),
)

describe('the hostile answers', () => {
  it('answer most of what the console asks', () => {
    expect(answered.length).toBeGreaterThan(20)
  })

  it.each(answered)('have every field of $name', ({ schema, value }) => {
    expect(lacking(schema, value, '')).toEqual([])
  })

  it('are found to lack a field that they lack', () => {
    const { schema, value } = answered.find(({ name }) => name === 'get /v1/overview') as (typeof answered)[0]
    const { gates, ...rest } = value as { readonly gates: object }
    expect(lacking(schema, rest, '')).toEqual(['.gates'])
    const open = { ...rest, gates: { ...gates, open: {} } }
    expect(lacking(schema, open, '')).toContain('.gates.open.href')
  })
})
