import { problems } from '@lethe/service-host'
import { z } from 'zod'
import type * as answers from './answers.js'

// How one operation is described: what it takes, what it answers, how it can fail.

export type Json = Record<string, unknown>
type AnswerName = keyof typeof answers

export const schemaOf = (shape: z.ZodType, io: 'input' | 'output'): Json => {
  const { $schema: _, ...schema } = z.toJSONSchema(shape, { io, target: 'draft-2020-12' }) as Json
  return schema
}

export const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` })

export function parametersOf(shape: z.ZodObject): Json[] {
  const { properties = {} } = schemaOf(shape, 'input') as { properties?: Record<string, Json> }
  return Object.entries(properties).map(([name, schema]) => ({ name, in: 'query', required: false, schema }))
}

export const reading = [400, 401, 403, 404, 405, 414, 503]
const changing = [...reading, 409, 413, 415, 422, 429]
const meanings: Readonly<Record<number, string>> = {
  405: 'The path does not take this method; Allow says which it takes.',
  413: 'The body is larger than this service takes.',
  414: 'A part of the address is too long.',
  415: 'The body is not application/json.',
}

const problemText = (status: number): string =>
  meanings[status] ??
  Object.values(problems)
    .flatMap(([its, title]) => (its === status ? [title] : []))
    .join(' Or: ')

export const failures = (statuses: readonly number[]): Json =>
  Object.fromEntries(
    statuses.map((status) => [String(status), { $ref: `#/components/responses/Problem${status}` }]),
  )

export const problemResponses = (): Json =>
  Object.fromEntries(
    changing.map((status) => [
      `Problem${status}`,
      {
        description: problemText(status),
        ...(status === 405 ? { headers: { Allow: { required: true, schema: { type: 'string' } } } } : {}),
        content: { 'application/problem+json': { schema: ref('Problem') } },
      },
    ]),
  )

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

export const get = (
  operationId: string,
  summary: string,
  answer: AnswerName,
  query?: z.ZodObject,
  path: readonly Json[] = [],
): { get: Json } => ({
  get: {
    operationId,
    summary,
    parameters: [...path, ...(query ? parametersOf(query) : [])],
    responses: { 200: jsonAnswer(summary, answer), ...failures(reading) },
  },
})

const jsonAnswer = (description: string, answer: AnswerName): Json => ({
  description,
  content: { 'application/json': { schema: ref(answer) } },
})

/** Needed when the call is authorised by a session's cookie. */
export const csrfParameter: Json = {
  name: 'X-Lethe-Csrf',
  in: 'header',
  required: false,
  schema: { type: 'string' },
  description: "The session's own token, of GET /v1/session; needed with a cookie, not with a bearer token.",
}

export const post = (operation: {
  id: string
  summary: string
  body: z.ZodType
  answer: AnswerName
  status?: number
  path?: readonly Json[]
}): Json => ({
  operationId: operation.id,
  summary: operation.summary,
  parameters: [...(operation.path ?? []), csrfParameter],
  requestBody: {
    required: true,
    content: { 'application/json': { schema: schemaOf(operation.body, 'input') } },
  },
  responses: {
    [operation.status ?? 200]: jsonAnswer(operation.summary, operation.answer),
    ...failures(changing),
  },
})
