import { z } from 'zod'
import { type MethodsOf, problems } from './problem.js'

// What the OpenAPI documents of the services have in common: shapes of zod as schemas, and how operations fail.

export type Json = Record<string, unknown>

export const schemaOf = (shape: z.ZodType, io: 'input' | 'output' = 'input'): Json => {
  const { $schema: _, ...schema } = z.toJSONSchema(shape, { io, target: 'draft-2020-12' }) as Json
  return schema
}

/** Schemas of answers by name. */
export const schemasOf = (answers: Readonly<Record<string, z.ZodType>>): Json =>
  Object.fromEntries(Object.entries(answers).map(([name, shape]) => [name, schemaOf(shape, 'output')]))

export const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` })

export function parametersOf(query: z.ZodObject): Json[] {
  const { properties = {} } = schemaOf(query) as { properties?: Record<string, Json> }
  return Object.entries(properties).map(([name, schema]) => ({ name, in: 'query', required: false, schema }))
}

const meanings: Readonly<Record<number, string>> = {
  405: 'The path does not take this method; Allow says which it takes.',
  413: 'The body is larger than this service takes.',
  414: 'A part of the address is too long.',
  415: 'The body is not application/json.',
}

/** The titles of the problems that come with a status. */
export const problemText = (status: number): string =>
  meanings[status] ??
  Object.values(problems)
    .flatMap(([its, title]) => (its === status ? [title] : []))
    .join(' Or: ')

export const problemSchema: Json = {
  type: 'object',
  required: ['type', 'title', 'status', 'code'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string', enum: Object.keys(problems) },
    detail: { type: 'string' },
  },
}

export const problemContent: Json = { content: { 'application/problem+json': { schema: ref('Problem') } } }

/** As an operation names them; `problemResponses` are what they stand for. */
export const failures = (statuses: readonly number[]): Json =>
  Object.fromEntries(
    statuses.map((status) => [String(status), { $ref: `#/components/responses/Problem${status}` }]),
  )

export const problemResponses = (statuses: readonly number[]): Json =>
  Object.fromEntries(
    statuses.map((status) => [
      `Problem${status}`,
      { description: problemText(status), ...(status === 405 ? allowHeader : {}), ...problemContent },
    ]),
  )
const allowHeader: Json = { headers: { Allow: { required: true, schema: { type: 'string' } } } }

/** The methods each documented path takes, for the answer to any other. */
export function methodsOfPaths(paths: Json): MethodsOf {
  const known = Object.entries(paths).map(([path, operations]) => ({
    expression: new RegExp(`^${path.replace(/\{[^}]+\}/g, '[^/]+')}$`),
    methods: Object.keys(operations as Json).map((method) => method.toUpperCase()),
  }))
  return (path) => known.find(({ expression }) => expression.test(path))?.methods ?? []
}
